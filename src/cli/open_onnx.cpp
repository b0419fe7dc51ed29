#include "cli/open_network.h"

#include "formats/onnx/onnx.h"

namespace pliant::cli {

OpenedNetwork open_onnx(const std::string& path, const std::map<std::string, Shape>& shapes, bool missing_weights) {
  OnnxOptions options;
  options.shapes = shapes;
  options.missing_weights = missing_weights;
  OnnxModel model = read_onnx(path, options);
  return {std::move(model.graph), std::move(model.weights), model.opset, std::move(model.opaque),
          std::move(model.missing)};
}

}  // namespace pliant::cli
