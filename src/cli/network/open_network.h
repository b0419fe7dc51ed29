// A network from a file (a Pliant file, ncnn's text, or ONNX where this build has its reader) or from the zoo.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant::cli {

struct OpenedNetwork {
  Graph graph;
  WeightStore weights;
  std::int64_t opset = 0;            // 0: not from ONNX
  bool structure_only = false;       // the file has no weights: ncnn's text, or the zoo
  std::vector<std::string> opaque;   // operators that are planned but cannot run, with the reason
  std::vector<std::string> missing;  // weights without data
};

// `shapes`: sizes of inputs or symbols. Throws Error{unsupported} in a build without ONNX, and what the reader throws.
OpenedNetwork open_onnx(const std::string& path, const std::map<std::string, Shape>& shapes, bool missing_weights);

// "zoo:NAME": a network that Pliant generates, with every weight missing.
bool is_zoo(const std::string& path);

// Any kind, told by the name "zoo:NAME" or by the content. Throws Error{usage} for shapes given to a Pliant file or the
// zoo, whose sizes are fixed, Error{not_found} for a name the zoo lacks.
OpenedNetwork open_network(const std::string& path, const std::map<std::string, Shape>& shapes, bool missing_weights);

}  // namespace pliant::cli
