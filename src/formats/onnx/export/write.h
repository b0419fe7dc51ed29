// Writes graphs as ONNX models. Operators and their limits: docs/onnx.md.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

// ONNX, opset 17, IR 8. Kinds without an ONNX operator are decomposed; encoded weights are decoded.
// Throws Error{unsupported} naming an operator that ONNX cannot say, Error{capacity} beyond 2 GB
// (then use write_onnx_file).
std::string write_onnx(const Graph& graph, const WeightStore& weights);

// As write_onnx; more than `inline_bytes` of weights go to a file beside it: PATH.data.
void write_onnx_file(const std::string& path, const Graph& graph, const WeightStore& weights,
                     std::int64_t inline_bytes = 1LL << 30);

}  // namespace pliant
