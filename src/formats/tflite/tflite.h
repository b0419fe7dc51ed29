// Writes graphs as TFLite files, for LiteRT and what reads its format. Operators and their limits:
// docs/tflite.md.
#pragma once

#include <string>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

// Schema version 3, f32. Inputs and outputs of rank 4 are channels last there: [N, C, H, W] of the
// graph is [N, H, W, C] of the file. Encoded weights are decoded; kinds that TFLite lacks are
// decomposed. Throws Error{unsupported} naming an operator that TFLite cannot say, Error{capacity}
// for a file beyond 2 GB.
std::string write_tflite(const Graph& graph, const WeightStore& weights);

}  // namespace pliant
