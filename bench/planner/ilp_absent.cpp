// For builds without CBC.
#include "core/error.h"
#include "planner/ilp.h"

namespace pliant::bench {

const bool has_ilp = false;

namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorKind::unsupported, "ilp", "this build has no integer program solver",
              "configure with PLIANT_CBC=ON");
}

}  // namespace

IlpEnd ilp_end(const plan::Problem&, std::int64_t, double) { refuse(); }

std::vector<IlpRow> compare_with_ilp(int, double, ThreadPool&,
                                     const std::function<void(const IlpRow&)>&) {
  refuse();
}

}  // namespace pliant::bench
