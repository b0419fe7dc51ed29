// Any bytes as a GGUF file; what is read has typed metadata and tensors that decode.
#include <string_view>

#include "core/error.h"
#include "formats/gguf/gguf.h"

namespace {

template <typename Action>
void attempt(const Action& action) {
  try {
    action();
  } catch (const pliant::Error&) {
  }
}

void use(const pliant::Gguf& file) {
  for (const auto& entry : file.metadata) {
    attempt([&] { file.integers(entry.first); });
    attempt([&] { file.numbers(entry.first); });
    attempt([&] { file.texts(entry.first); });
  }
  for (const pliant::GgufTensor& each : file.tensors) {
    attempt([&] { pliant::check_finite(each.stored, each.name); });
    pliant::decode(each.stored);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attempt([&] { use(pliant::read_gguf(std::as_bytes(std::span(data, size)), "fuzz")); });
  return 0;
}
