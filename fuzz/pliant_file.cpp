// Any bytes as a Pliant file; each weight of a model that is read can be decoded.
#include "core/error.h"
#include "formats/pliant/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const pliant::Model model =
        pliant::read_model(std::as_bytes(std::span(data, size)), "fuzz", nullptr);
    model.weights.for_each(
        [](const std::string&, const pliant::Stored& stored) { pliant::decode(stored); });
  } catch (const pliant::Error&) {
  }
  return 0;
}
