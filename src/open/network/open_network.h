// A network from a file (a Pliant file, ncnn's text, or ONNX where this build has its reader) or
// from the zoo, and back into a file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "open/source.h"
#include "quant/store.h"

namespace pliant {

struct NetworkRequest {
  std::map<std::string, Shape> shapes;  // sizes of inputs or symbols: "input" -> {1,3,224,224}
  bool missing_weights = false;         // take a network without its weights
};

struct OpenedNetwork {
  Graph graph;
  WeightStore weights;
  FileKind kind = FileKind::unknown;
  std::int64_t opset = 0;            // 0: not from ONNX
  std::vector<std::string> opaque;   // operators that are planned but cannot run, with the reason
  std::vector<std::string> missing;  // weights without data

  // no weights in the file
  bool structure_only() const { return kind == FileKind::ncnn || kind == FileKind::zoo; }
};

// Throws Error{usage} for shapes given to a Pliant file or the zoo, whose sizes are fixed,
// Error{not_found} for weights that are missing or a name that the zoo lacks, Error{format} for
// what is no network, Error{unsupported} for ONNX in a build without its reader, and what the
// readers throw.
OpenedNetwork open_network(const Source& source, const NetworkRequest& request);

enum class NetworkFormat : std::uint8_t { onnx, pliant, tflite };

// Writes it whole or not at all; ONNX keeps weights of more than 1 GiB in a file beside `path`.
// Needs all weights. Throws Error{unsupported} naming an operator that the format cannot say, and
// for ONNX in a build without its writer.
void save_network(const OpenedNetwork& network, NetworkFormat format, const std::string& path);

// Seeded ones in place of the file's; none is missing then.
void randomize_weights(OpenedNetwork& network, std::uint64_t seed);

// Computes once what depends on weights alone. Needs all weights.
void fold_weights(OpenedNetwork& network, ThreadPool& pool);

}  // namespace pliant
