// Order of nodes: ONNX asks for a topological one, files do not always have it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx/file/model.h"

namespace pliant::onnx {

// Values of the surrounding graphs that the node's subgraphs read.
std::vector<std::string> captured(const Node& node);

// The nodes so that each stands after what it reads; nodes keep the file's order where they can.
// `is_leaf`: names that exist before any node runs. Throws Error{invalid} naming nodes for a value
// that nobody makes, that is made twice, or that depends on itself.
std::vector<const Node*> sorted(const std::vector<Node>& nodes,
                                const std::function<bool(const std::string&)>& is_leaf);

}  // namespace pliant::onnx
