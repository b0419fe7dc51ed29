#include "image/encode.h"

#include <png.h>

#include "core/error.h"

namespace pliant {

std::string encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  const auto write = [&](void* memory) {
    if (image.pixels.empty() ||
        png_image_write_to_memory(&png, memory, &size, 0, image.pixels.data(), 0, nullptr) == 0)
      throw Error(ErrorKind::invalid, "image",
                  image.pixels.empty() ? "has no pixels" : std::string(png.message));
  };
  write(nullptr);  // says how much memory it takes
  std::string bytes(size, '\0');
  write(bytes.data());
  bytes.resize(size);
  return bytes;
}

}  // namespace pliant
