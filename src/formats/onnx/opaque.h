// Operators without counterpart: their attributes as text, so that the writer can say them again.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "formats/onnx/file/model.h"

namespace pliant::onnx {

// JSON: {"attributes": {name: value}, "absent": [operands left out]}. Subgraphs and tensors appear
// as their type only.
std::string opaque_text(const Node& node);

struct OpaqueParts {
  std::map<std::string, NodeAttribute> attributes;
  std::vector<std::int64_t> absent;
};
// Throws Error{unsupported} for attributes that the text only names, Error{format} for text of
// another kind.
OpaqueParts opaque_from_text(std::string_view text, std::string_view place);

}  // namespace pliant::onnx
