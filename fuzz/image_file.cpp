// Any bytes as a picture: one that is decoded has as many pixels as it says, and becomes a tensor.
#include <cstdlib>

#include "core/error.h"
#include "image/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // what is larger takes its time and finds nothing new
  constexpr std::int64_t most_pixels = 1 << 14;
  try {
    const auto image =
        pliant::decode_image(std::as_bytes(std::span(data, size)), "fuzz", most_pixels);
    if (image.pixels.size() != std::size_t{3} * image.width * image.height) std::abort();
    pliant::to_tensor(pliant::resize_and_crop(image, 5, 3), pliant::ImageLayout::nchw);
  } catch (const pliant::Error&) {
  }
  return 0;
}
