// Any graph text: a graph that is read is written and read again to the same text.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "graph/text/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const pliant::Graph graph =
        pliant::graph_from_text({reinterpret_cast<const char*>(data), size}, "fuzz");
    const std::string written = pliant::to_text(graph);
    if (pliant::to_text(pliant::graph_from_text(written, "again")) != written) std::abort();
    pliant::groups(graph);
  } catch (const pliant::Error&) {
  }
  return 0;
}
