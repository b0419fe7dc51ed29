// What a run begins with and ends in: the leaves of a graph as tensors, and its outputs.
#pragma once

#include <span>

#include "machine/torch/plan.h"
#include "quant/store.h"

namespace pliant::aten {

Frame empty_frame(const Graph& graph);
// The weight's values, decoded; plain ones in CPU memory are the store's own bytes.
at::Tensor stored(const Stored& weight, const at::Device& device);
void set_constants(const Graph& graph, const at::Device& device, Frame& frame);

// Throws Error{invalid} naming the input or output whose type is not the graph's, rows included.
void check_bindings(const Graph& graph, std::span<const TensorView> inputs,
                    std::span<const TensorView> outputs, std::int64_t rows);
void set_inputs(const Graph& graph, std::span<const TensorView> inputs, const at::Device& device,
                Frame& frame);
void write_outputs(const Graph& graph, const Frame& frame, std::span<const TensorView> outputs);

}  // namespace pliant::aten
