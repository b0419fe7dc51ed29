// For builds without CBC.
#include "cli/plan/solve_ilp.h"
#include "core/error.h"

namespace pliant::cli {

plan::Plan solve_ilp(const plan::Problem&, std::int64_t, const plan::SolveOptions&) {
  throw Error(ErrorKind::unsupported, "--solver", "this build has no integer program solver",
              "configure with PLIANT_CBC=ON");
}

}  // namespace pliant::cli
