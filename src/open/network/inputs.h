// Inputs of a network: arrays, pictures, random numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "image/image.h"

namespace pliant {

enum class ImageFit : std::uint8_t { stretch, crop };  // crop: scaled to cover, then cropped

struct InputSources {
  std::vector<std::string> texts;     // "[NAME=]FILE.npy | FILE.png | random[:SEED]"
  Normalization normalization;        // of the pixels of pictures, for inputs of type f32
  std::optional<ImageLayout> layout;  // none: by the input's shape
  ImageFit fit = ImageFit::stretch;
  std::uint64_t seed = 1;  // of "random"
};

// One tensor per graph input, of exactly its type. Texts with a name first, then the others in
// order; one lone "random" feeds all the rest. Throws Error{usage} for inputs that are missing,
// unknown or given twice, Error{invalid} for a file whose shape is another.
std::vector<Tensor> read_inputs(const Graph& graph, const InputSources& sources);

}  // namespace pliant
