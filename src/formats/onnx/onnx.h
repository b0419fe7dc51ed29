// Reads ONNX models into graphs. Operators and their limits: docs/onnx.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

struct OnnxOptions {
  // Sizes of inputs whose own are symbolic, by input name ("input" -> {1,3,224,224}), or of a
  // symbol ("batch" -> {4}).
  std::map<std::string, Shape> shapes;
  // Inputs that are always the same (a mode, a count, scales): constants of the graph instead of
  // inputs.
  std::map<std::string, std::shared_ptr<const Tensor>> fixed;
  // float tensors made by Constant and ConstantOfShape become weights
  bool constants_as_weights = true;
  // tensors without data, or without their data file, become weights
  bool missing_weights = false;
  // most bytes that operators with constant results may make at import
  std::int64_t constant_bytes = 8LL << 30;
};

struct OnnxModel {
  Graph graph;
  WeightStore weights;
  std::int64_t opset = 0;  // of the file, ONNX's own domain
  std::vector<std::string>
      opaque;  // operators kept as Opaque, with the reason: "name (Type): reason"
  std::vector<std::string> missing;  // weights without data, under OnnxOptions::missing_weights
};

// Names of values and operators are the file's. Throws Error{format} for damaged bytes,
// Error{invalid} for models that break ONNX's rules, Error{unsupported} for what has no counterpart
// here, each naming the node and operator.
OnnxModel read_onnx(const std::string& path, const OnnxOptions& options = {});
// mapped already
OnnxModel read_onnx(const MappedFile& file, const std::string& path, const OnnxOptions& options);

// The same from memory. `folder`: where external data may lie; "" refuses them. `place` stands in
// errors.
OnnxModel parse_onnx(std::string_view bytes, const OnnxOptions& options, std::string_view place,
                     const std::string& folder = "");

}  // namespace pliant
