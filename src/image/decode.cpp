#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>

#include <memory>
#include <string>

#include "core/error.h"
#include "image/image.h"

namespace pliant {
namespace {

constexpr std::int64_t longest_side = 1 << 14;

// One file being decoded; the place is in every complaint.
struct Source {
  std::span<const std::byte> bytes;
  std::string_view place;
  std::int64_t most_pixels;

  [[noreturn]] void refuse(const std::string& problem) const {
    throw Error(ErrorKind::format, std::string(place), problem);
  }

  Image empty(std::int64_t width, std::int64_t height) const {
    if (width <= 0 || height <= 0 || width > longest_side || height > longest_side ||
        width * height > most_pixels)
      throw Error(ErrorKind::capacity, std::string(place),
                  "an image of " + std::to_string(width) + " x " + std::to_string(height) +
                      " pixels is not accepted");
    Image image{static_cast<int>(width), static_cast<int>(height), {}};
    image.pixels.resize(3 * width * height);
    return image;
  }
};

Image decode_jpeg(const Source& source) {
  const std::unique_ptr<void, decltype(&tjDestroy)> decoder(tjInitDecompress(), &tjDestroy);
  if (!decoder)
    throw Error(ErrorKind::capacity, std::string(source.place), "no memory for the JPEG decoder");
  const auto* data = reinterpret_cast<const unsigned char*>(source.bytes.data());
  const auto refuse = [&] {
    source.refuse(std::string("cannot be decoded: ") + tjGetErrorStr2(decoder.get()));
  };
  int width = 0, height = 0, chroma = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, source.bytes.size(), &width, &height, &chroma,
                          &colours) != 0)
    refuse();
  Image image = source.empty(width, height);
  // A warning means damage: what follows it would be guessed. Progressive files of very many scans
  // burn time.
  const int strict = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(decoder.get(), data, source.bytes.size(), image.pixels.data(), width, 0, height,
                    TJPF_RGB, strict) != 0)
    refuse();
  return image;
}

Image decode_png(const Source& source) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> cleanup(&png, &png_image_free);
  const auto refuse = [&] { source.refuse(std::string("cannot be decoded: ") + png.message); };
  if (png_image_begin_read_from_memory(&png, source.bytes.data(), source.bytes.size()) == 0)
    refuse();
  Image image = source.empty(png.width, png.height);
  png.format = PNG_FORMAT_RGBA;
  std::vector<std::uint8_t> rgba(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, rgba.data(), 0, nullptr) == 0) refuse();
  for (std::size_t i = 0, to = 0; i < rgba.size(); ++i)
    if (i % 4 != 3) image.pixels[to++] = rgba[i];
  return image;
}

Image decode_webp(const Source& source) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(source.bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, source.bytes.size(), &features) != VP8_STATUS_OK)
    source.refuse("cannot be decoded: the header of a WebP image is damaged or cut");
  if (features.has_animation != 0) source.refuse("is an animation, one picture expected");
  Image image = source.empty(features.width, features.height);
  if (WebPDecodeRGBInto(data, source.bytes.size(), image.pixels.data(), image.pixels.size(),
                        3 * image.width) == nullptr)
    source.refuse("cannot be decoded: the data of a WebP image is damaged or cut");
  return image;
}

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .starts_with(magic);
}

bool is_jpeg(std::span<const std::byte> bytes) { return starts_with(bytes, "\xff\xd8\xff"); }
bool is_png(std::span<const std::byte> bytes) { return starts_with(bytes, "\x89PNG\r\n"); }
bool is_webp(std::span<const std::byte> bytes) {
  return bytes.size() >= 12 && starts_with(bytes, "RIFF") && starts_with(bytes.subspan(8), "WEBP");
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::string_view place,
                   std::int64_t most_pixels) {
  const Source source{bytes, place, most_pixels};
  if (is_jpeg(bytes)) return decode_jpeg(source);
  if (is_png(bytes)) return decode_png(source);
  if (is_webp(bytes)) return decode_webp(source);
  source.refuse("is not a JPEG, PNG or WebP image");
}

bool looks_like_image(std::span<const std::byte> bytes) {
  return is_jpeg(bytes) || is_png(bytes) || is_webp(bytes);
}

}  // namespace pliant
