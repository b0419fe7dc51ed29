// Any .npy bytes: an array that is read is written and read again to the same bytes.
#include <cstdlib>
#include <span>
#include <string>

#include "core/error.h"
#include "formats/npy/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tensor = pliant::tensor_from_npy(std::as_bytes(std::span(data, size)), "fuzz");
    const std::string written = pliant::npy_bytes(tensor.view());
    const auto again = pliant::tensor_from_npy(std::as_bytes(std::span(written)), "again");
    if (pliant::npy_bytes(again.view()) != written) std::abort();
  } catch (const pliant::Error&) {
  }
  return 0;
}
