#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.h"
#include "image/image.h"
#include "image/jpeg_check.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_MAX_DIMENSIONS (1 << 14)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace pliant {
namespace {

int size_for_stb(std::span<const std::byte> bytes, std::string_view place) {
  if (bytes.size() > INT32_MAX)
    throw Error(ErrorKind::capacity, std::string(place), "an image file of more than 2 GiB");
  return static_cast<int>(bytes.size());
}

void check_size(std::int64_t width, std::int64_t height, std::int64_t most_pixels, std::string_view place) {
  if (width <= 0 || height <= 0 || width > STBI_MAX_DIMENSIONS || height > STBI_MAX_DIMENSIONS ||
      width * height > most_pixels)
    throw Error(ErrorKind::capacity, std::string(place),
                "an image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels is not accepted");
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::string_view place, std::int64_t most_pixels) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = size_for_stb(bytes, place);
  if (size > 0 && data[0] == 0xff && !huffman_tables_fit(bytes))
    throw Error(ErrorKind::format, std::string(place), "cannot be decoded: a Huffman table of more than 256 codes");
  Image image;
  int channels = 0;
  if (size == 0 || stbi_info_from_memory(data, size, &image.width, &image.height, &channels) == 0)
    throw Error(ErrorKind::format, std::string(place), "is not a JPEG, PNG or BMP image");
  check_size(image.width, image.height, most_pixels, place);
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(data, size, &image.width, &image.height, &channels, 3), &std::free);
  if (!pixels)
    throw Error(ErrorKind::format, std::string(place), std::string("cannot be decoded: ") + stbi_failure_reason());
  check_size(image.width, image.height, most_pixels, place);
  image.pixels.assign(pixels.get(), pixels.get() + std::int64_t{3} * image.width * image.height);
  return image;
}

bool looks_like_image(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("\xff\xd8\xff") || text.starts_with("\x89PNG\r\n") || text.starts_with("BM");
}

}  // namespace pliant
