#include "open/network/onnx.h"

#include "formats/onnx/export/write.h"
#include "formats/onnx/onnx.h"

namespace pliant {

OpenedNetwork open_onnx(const Source& source, const std::map<std::string, Shape>& shapes,
                        bool missing_weights) {
  OnnxOptions options;
  options.shapes = shapes;
  options.missing_weights = missing_weights;
  OnnxModel model = read_onnx(*source.file(), source.path(), options);
  OpenedNetwork network;
  network.graph = std::move(model.graph);
  network.weights = std::move(model.weights);
  network.opset = model.opset;
  network.opaque = std::move(model.opaque);
  network.missing = std::move(model.missing);
  return network;
}

void save_onnx(const std::string& path, const Graph& graph, const WeightStore& weights) {
  write_onnx_file(path, graph, weights);
}

}  // namespace pliant
