// Inputs of a network from the command line: arrays, pictures, random numbers.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "image/image.h"

namespace pliant::cli {

struct FeedOptions {
  std::vector<std::string> inputs;  // "[NAME=]FILE.npy | FILE.png | random[:SEED]"
  std::string mean = "0", std = "1";
  std::string layout, fit = "stretch";  // layout: empty: by the input's shape
  std::uint64_t seed = 1;
};

// One tensor per graph input, of exactly its type. Throws Error{usage} for inputs that are missing,
// unknown or given twice, Error{invalid} for a file whose shape is another.
std::vector<Tensor> feed(const Graph& graph, const FeedOptions& options);

}  // namespace pliant::cli
