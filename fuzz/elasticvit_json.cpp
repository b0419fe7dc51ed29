// Any bytes as a search space, as a subnet of the published space and as a latency table or prices:
// what is read is written and read back as the same, and can be counted.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "models/elasticvit/counts.h"
#include "models/elasticvit/tensors.h"
#include "search/latency_table.h"
#include "search/regression.h"

namespace {

using namespace pliant;

template <typename Read>
void try_to(const Read& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

void demand(bool right) {
  if (!right) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_to([&] {
    const elasticvit::Space space = elasticvit::space_from_json(text, "space");
    demand(elasticvit::space_from_json(elasticvit::to_json(space), "again") == space);
    const elasticvit::Architecture most = largest(space), least = smallest(space);
    check(space, most, "largest");
    check(space, least, "smallest");
    demand(flops(space, least) > 0 && flops(space, least) <= flops(space, most));
    demand(elasticvit::size(space) > 0);
    if (space.stages.size() < 4) elasticvit::supernet_tensors(space);
  });
  try_to([&] {
    const elasticvit::Space& space = elasticvit::published_space();
    const elasticvit::Architecture subnet =
        elasticvit::architecture_from_json(space, text, "subnet");
    demand(architecture_from_json(space, to_json(space, subnet), "again") == subnet);
    demand(flops(space, subnet) > 0);
  });
  try_to([&] { search::LatencyTable(text, "table"); });
  try_to([&] { search::prices_from_json(text, "prices"); });
  return 0;
}
