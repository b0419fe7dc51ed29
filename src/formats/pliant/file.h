// The Pliant file: a safetensors file whose metadata holds the graph's text; weights are mapped as
// they are. docs/formats.md describes it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

struct Model {
  Graph graph;
  WeightStore weights;  // keeps the mapping alive
};

// Throws Error{format} or Error{invalid}: no safetensors file, no graph in it, a weight of the
// graph that is missing or has another type, a scale of an encoded weight that is no finite number.
Model read_model(const std::string& path);
Model read_model(std::span<const std::byte> file, std::string_view place,
                 std::shared_ptr<const void> owner);

// Writes the graph and the weights it names, in the graph's order; whole or not at all. Constants
// of more than 64 elements become tensors. Throws Error{not_found} for a weight the store lacks,
// Error{invalid} for one of another type.
void write_model(const std::string& path, const Graph& graph, const WeightStore& weights);

}  // namespace pliant
