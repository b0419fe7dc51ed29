// Any bytes as a safetensors file.
#include <string_view>

#include "core/error.h"
#include "formats/safetensors/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    pliant::read_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const pliant::Error&) {
  }
  return 0;
}
