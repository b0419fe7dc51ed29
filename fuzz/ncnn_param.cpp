// Any text as ncnn's: it is refused, or its graph counts its own multiply-accumulates.
#include <string_view>

#include "core/error.h"
#include "formats/ncnn/ncnn.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto model = pliant::parse_ncnn(text, {}, "fuzz");
    for (const pliant::Op& op : model.graph.ops()) pliant::macs(model.graph, op);
  } catch (const pliant::Error&) {
  }
  return 0;
}
