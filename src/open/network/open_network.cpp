#include "open/network/open_network.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "formats/ncnn/ncnn.h"
#include "formats/pliant/file.h"
#include "formats/tflite/tflite.h"
#include "graph/passes/passes.h"
#include "graph/reference/random_weights.h"
#include "models/zoo/zoo.h"
#include "open/network/onnx.h"

namespace pliant {
namespace {

void refuse_shapes(const NetworkRequest& request, const char* what) {
  if (!request.shapes.empty())
    throw Error(ErrorKind::usage, "--shape",
                fmt::format("says nothing about {}: its sizes are fixed", what));
}

OpenedNetwork open_zoo(const std::string& path) {
  OpenedNetwork network;
  network.graph = zoo::build(path.substr(4));
  for (const Value& value : network.graph.values())
    if (value.role == Role::weight) network.missing.push_back(value.name);
  return network;
}

OpenedNetwork open_ncnn(const Source& source, const std::map<std::string, Shape>& shapes) {
  NcnnModel model = parse_ncnn(source.text(), shapes, source.path());
  OpenedNetwork network;
  network.graph = std::move(model.graph);
  network.opaque = std::move(model.opaque);
  network.missing = std::move(model.missing);
  return network;
}

OpenedNetwork open_pliant(const Source& source) {
  Model model = read_model(source.bytes(), source.path(), source.file());
  OpenedNetwork network;
  network.graph = std::move(model.graph);
  network.weights = std::move(model.weights);
  return network;
}

OpenedNetwork open_kind(const Source& source, const NetworkRequest& request) {
  switch (source.kind()) {
    case FileKind::onnx: return open_onnx(source, request.shapes, request.missing_weights);
    case FileKind::ncnn: return open_ncnn(source, request.shapes);
    case FileKind::zoo: refuse_shapes(request, "the zoo"); return open_zoo(source.path());
    case FileKind::pliant: refuse_shapes(request, "a Pliant file"); return open_pliant(source);
    default:
      throw Error(ErrorKind::format, source.path(),
                  fmt::format("is a {}, not a network", describe(source.kind())),
                  is_language_model(source.kind())
                      ? "a language model: pliant generate, chat and eval open it"
                      : "give an ONNX or Pliant file");
  }
}

}  // namespace

OpenedNetwork open_network(const Source& source, const NetworkRequest& request) {
  OpenedNetwork network = open_kind(source, request);
  network.kind = source.kind();
  if (!request.missing_weights && !network.missing.empty())
    throw Error(ErrorKind::not_found, source.path(), "has no weights", "give --random-weights");
  return network;
}

void save_network(const OpenedNetwork& network, NetworkFormat format, const std::string& path) {
  switch (format) {
    case NetworkFormat::pliant: return write_model(path, network.graph, network.weights);
    case NetworkFormat::onnx: return save_onnx(path, network.graph, network.weights);
    case NetworkFormat::tflite:
      return write_file(path, write_tflite(network.graph, network.weights));
  }
}

void randomize_weights(OpenedNetwork& network, std::uint64_t seed) {
  network.weights = random_weights(network.graph, seed);
  network.missing.clear();
}

void fold_weights(OpenedNetwork& network, ThreadPool& pool) {
  Folded folded = fold(network.graph, network.weights, pool);
  network.graph = std::move(folded.graph);
  network.weights = std::move(folded.weights);
}

}  // namespace pliant
