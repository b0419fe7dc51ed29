// Graphs as text, both ways, and as a picture. docs/formats.md describes the format.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "graph/graph.h"
#include "graph/passes/passes.h"

namespace pliant {

struct TextOptions {
  // Constants with more elements are written as "elsewhere" and must be given to graph_from_text by
  // name.
  std::int64_t inline_elements = std::numeric_limits<std::int64_t>::max();
};

// One line per leaf, operator, output and carry. Reads back to an equal graph: names, order,
// attributes and the bytes of inline constants are exact.
std::string to_text(const Graph& graph, const TextOptions& options = {});

std::uint64_t hash(const Graph& graph);  // of the structure, names and constants

// Gives a constant that is kept elsewhere, or null.
using ConstantResolver = std::function<std::shared_ptr<const Tensor>(std::string_view name)>;

// `place` names the text in errors ("model.txt"). Throws Error{format} with line and column, or
// what the builder throws with the line. Nothing is allocated on the word of a size: memory follows
// the length of the text.
Graph graph_from_text(std::string_view text, std::string_view place,
                      const ConstantResolver& elsewhere = {});

// Graphviz: operators as boxes, leaves as ellipses; with `groups`, one cluster per group of several
// operators.
std::string to_dot(const Graph& graph, const std::vector<Group>& groups = {});

}  // namespace pliant
