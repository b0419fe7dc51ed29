// Any bytes as a PyTorch checkpoint, or after the letter 'p' as the pickle of one; what passes, as
// a model of CoreNet's.
#include "core/error.h"
#include "formats/torch/pickle.h"
#include "models/language/files/corenet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    if (size > 0 && data[0] == 'p') pliant::pickled_tensors(bytes.subspan(1), "fuzz");
    else pliant::corenet_model(bytes, nullptr, "fuzz");
  } catch (const pliant::Error&) {
  }
  return 0;
}
