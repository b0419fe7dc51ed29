// Reads ncnn's text graphs (.param, magic 7767517): the structure alone, every weight without data.
// A feature map of three dimensions becomes [1,C,H,W]; of two [H,W]; of one [W].
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace pliant {

struct NcnnModel {
  Graph graph;
  std::vector<std::string> opaque;   // layers kept as Opaque: "name (Type): reason"
  std::vector<std::string> missing;  // all weights
};

bool looks_like_ncnn(std::string_view text);

// Names of values and operators are the file's. `shapes`: of inputs that the file does not size.
// Where the file hints at a layer's shape (-23330), what follows from its parameters must agree;
// layers that are not known by type take the hint. Throws Error{format} naming the line for damaged
// text, Error{invalid} for layers that contradict themselves or their hint, Error{unsupported} for
// one of unknown type without a hint, each naming the layer.
NcnnModel parse_ncnn(std::string_view text, const std::map<std::string, Shape>& shapes,
                     std::string_view place);

}  // namespace pliant
