// A TFLite file as plain structs, and its bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "formats/tflite/schema.h"

namespace pliant::tflite {

using Index = std::int32_t;  // of a tensor in its file

// The value of an option table's field.
using Field = std::variant<std::int8_t, bool, std::int32_t, float, std::vector<std::int32_t>>;

struct Options {
  OptionsKind kind = OptionsKind::none;
  std::map<int, Field> fields;  // by their numbers in the table
};

struct TensorDef {
  std::string name;
  TensorType type;
  std::shared_ptr<const Tensor> constant;  // null for what an operator makes, and inputs
};

struct OperatorDef {
  Code code = Code::add;
  std::vector<Index> in, out;
  Options options;
};

struct File {
  std::vector<TensorDef> tensors;
  std::vector<OperatorDef> operators;
  std::vector<Index> inputs, outputs;
};

// Without the tensors that nothing refers to. Throws Error{capacity} beyond 2 GB,
// Error{unsupported} for an element type that has no place in the schema here.
std::string serialize(const File& file);

}  // namespace pliant::tflite
