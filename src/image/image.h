// Pictures: decode, resize, crop, normalise to a tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant {

// RGB, 8 bits each, rows from the top, no padding: pixels[(y * width + x) * 3 + channel]
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
  bool operator==(const Image&) const = default;
};

// JPEG, PNG or WebP; grey becomes RGB, transparency is dropped. Throws Error{format} naming
// `place`, Error{capacity} for more than `most_pixels` or a side above 2^14.
Image decode_image(std::span<const std::byte> bytes, std::string_view place,
                   std::int64_t most_pixels = 1 << 26);
bool looks_like_image(std::span<const std::byte> bytes);  // by its first bytes

// What training pipelines call bilinear, bicubic (Keys' coefficient -0.5) and Lanczos of 3 lobes.
enum class Filter : std::uint8_t { triangle, cubic, lanczos };

// Separable, widened when shrinking (antialiased), rounded to 8 bits after each axis: bit for bit
// what the Python package Pillow does. Throws Error{invalid} for sizes that are not positive.
Image resize(const Image& image, int width, int height, Filter filter = Filter::triangle);

// Throws Error{invalid} for a part that does not lie inside.
Image crop(const Image& image, int left, int top, int width, int height);

// Resizes so that the picture covers width x height, then cuts out its middle.
Image resize_and_crop(const Image& image, int width, int height);

enum class ImageLayout : std::uint8_t { nchw, nhwc };

struct Normalization {  // (pixel / 255 - mean) / std, per channel
  double mean[3] = {0, 0, 0};
  double std[3] = {1, 1, 1};
  bool operator==(const Normalization&) const = default;
};

Tensor to_tensor(const Image& image, ImageLayout layout,
                 const Normalization& normalization = {});  // f32[1,3,H,W] or [1,H,W,3]

}  // namespace pliant
