// From a picture to what an image encoder reads, as the preprocessors of transformers do it.
#pragma once

#include <cstdint>
#include <vector>

#include "image/image.h"

namespace pliant {

struct PixelOptions {
  Filter filter = Filter::cubic;
  Normalization normalization = {};
  std::int64_t side = 0;  // of what the encoder reads
  // CLIP's way: the shorter side becomes so long, then the middle is cut out.
  std::int64_t shortest = 0;
  // Idefics 3's way, where `shortest` is 0: the longer side becomes so long, both then multiples of
  // `side`; the picture is cut into frames of `side`, and the whole of it follows as one more.
  std::int64_t longest = 0;
  bool split = true;  // else the whole picture alone, as a square
  bool operator==(const PixelOptions&) const = default;
};

struct Pixels {
  std::vector<Tensor> frames;  // f32 [1, 3, side, side] each
  int rows = 0, columns = 0;   // of frames before the whole picture; 0: it was not split
};

// Throws Error{invalid} for sizes that are not positive, or a picture that would become larger than
// 2^14 pixels a side; Error{capacity} for more than 1024 frames.
Pixels pixels(const Image& image, const PixelOptions& options);

}  // namespace pliant
