// An ONNX file as plain data: what the protobuf messages say, with tensors decoded and sizes
// checked, before any meaning is given to it. Reader and writer both work on this; only proto.cpp
// knows protobuf.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant::onnx {

using Integers = std::vector<std::int64_t>;

struct GraphDef;

struct NodeAttribute {
  enum class Type : std::uint8_t {
    other,
    real,
    integer,
    text,
    tensor,
    graph,
    reals,
    integers,
    texts
  };
  // other: present, but of a kind (string tensors, sparse tensors ...) nobody can use
  Type type = Type::other;
  double real = 0;
  std::int64_t integer = 0;
  std::string text;
  std::vector<double> reals;
  Integers integers;
  std::vector<std::string> texts;
  std::shared_ptr<const Tensor> tensor;
  std::shared_ptr<const GraphDef> graph;
  std::string reference;  // inside a function: the attribute of the calling node that stands here
};

struct Node {
  std::string domain, type, name;    // domain "" is ONNX's own ("ai.onnx" is read as "")
  std::vector<std::string> in, out;  // "" is an absent optional operand or result
  std::map<std::string, NodeAttribute> attributes;
};

struct Dim {
  std::int64_t size = -1;  // -1: known at run time only
  std::string symbol;      // may be empty
};

struct ValueInfo {
  std::string name;
  std::optional<DType> dtype;            // empty: no tensor, or elements we do not have
  std::optional<std::vector<Dim>> dims;  // empty: rank unknown
};

struct NamedTensor {
  std::string name;
  TensorType type;
  std::shared_ptr<const Tensor> tensor;  // null: see `problem`
  std::string problem;                   // why there is no data; empty when there is
  bool absent = false;                   // the data are in a file that does not exist
};

struct GraphDef {
  std::string name;
  std::vector<Node> nodes;
  std::vector<NamedTensor> initializers;
  std::vector<ValueInfo> inputs, outputs, values;
};

struct FunctionDef {
  std::string domain, name;
  std::vector<std::string> in, out, attributes;
  std::vector<Node> nodes;
};

struct ModelDef {
  std::int64_t ir_version = 8;
  std::map<std::string, std::int64_t> opsets;  // domain -> version
  GraphDef graph;
  std::vector<FunctionDef> functions;
};

// `folder`: where external data files may lie; "" refuses them. Throws Error{format} for bytes that
// are no ONNX model, tensors whose byte count and shape disagree, and external data that leave
// their folder or file.
ModelDef parse_model(std::string_view bytes, const std::string& folder, std::string_view place);

// One serialised TensorProto, as in the input_0.pb files that accompany ONNX models.
Tensor parse_tensor(std::string_view bytes, std::string_view place);

// Data of initialisers go to `external` (file name `location` beside the model) if it is not null.
// Throws Error{capacity} for more than 2 GB in one message.
std::string serialize_model(const ModelDef& model, std::string* external = nullptr,
                            std::string_view location = "");

}  // namespace pliant::onnx
