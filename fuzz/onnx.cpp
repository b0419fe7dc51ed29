// Any ONNX bytes: a model that is read is written, and what was written is read again.
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "formats/onnx/export/write.h"
#include "formats/onnx/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pliant::OnnxOptions options;
  options.constant_bytes = 1 << 20;
  pliant::OnnxModel model;
  try {
    model = pliant::parse_onnx({reinterpret_cast<const char*>(data), size}, options, "fuzz");
  } catch (const pliant::Error&) {
    return 0;
  }
  std::string written;
  try {
    written = pliant::write_onnx(model.graph, model.weights);
  } catch (const pliant::Error&) {  // what ONNX cannot say
    return 0;
  }
  try {
    pliant::parse_onnx(written, {}, "again");
  } catch (const pliant::Error& e) {
    if (e.kind() != pliant::ErrorKind::capacity) std::abort();
  }
  return 0;
}
