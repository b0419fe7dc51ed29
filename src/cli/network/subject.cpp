#include "cli/network/subject.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "formats/gguf/gguf.h"
#include "formats/ncnn/ncnn.h"
#include "formats/npy/npy.h"
#include "formats/pliant/file.h"
#include "graph/passes/passes.h"
#include "graph/passes/tile.h"
#include "graph/reference/random_weights.h"
#include "image/image.h"
#include "machine/native/native.h"
#include "models/zoo/zoo.h"

namespace pliant::cli {
namespace {

bool is_placement(std::string_view text) {
  const std::string_view header = text.substr(0, std::min<std::size_t>(text.find('\n'), 4096));
  const auto has = [&](std::string_view word) { return header.find(word) != std::string_view::npos; };
  return has("lower") && has("upper") && has("size") && has(",");
}

// The first bytes of a ModelProto: the tag of one of its fields, low numbers first as every writer does.
bool is_protobuf(std::string_view text) {
  constexpr std::string_view tags = "\x08\x12\x1a\x22\x28\x32\x3a\x42\x72";
  return !text.empty() && tags.find(text[0]) != std::string_view::npos;
}

// A safetensors file: the length of a JSON header, then the header. A Pliant file has the graph in it.
bool is_safetensors(std::string_view text) {
  return text.size() > 9 && text[8] == '{' && text.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

void refuse_network_options(const NetworkOptions& options, FileKind kind) {
  const auto refuse = [&](bool given, const char* option) {
    if (given)
      throw Error(ErrorKind::usage, option, fmt::format("says nothing about a {}", describe(kind)), "leave it out");
  };
  refuse(!options.shapes.empty(), "--shape");
  refuse(options.elem_bytes != 0, "--elem-bytes");
  refuse(options.weights, "--weights");
  refuse(options.no_fuse, "--no-fuse");
  refuse(options.random_weights, "--random-weights");
  refuse(options.tiles != 0, "--tiles");
  refuse(options.in_place, "--in-place");
  refuse(options.zero_copy_concat, "--zero-copy-concat");
}

plan::Work work_of(const Graph& graph, const plan::GraphProblem& mapping) {
  plan::Work work;
  for (const Op& op : graph.ops()) work.operations += macs(graph, op);
  for (const ValueId v : graph.values().ids()) {
    const BufferId buffer = mapping.storage.places[v].buffer;
    if (graph.value(v).role != Role::weight || buffer == BufferId::none || mapping.tensor_of[buffer] >= 0) continue;
    work.streamed_bytes += mapping.storage.buffers[buffer];
    ++work.streamed_tensors;
  }
  return work;
}

plan::GraphProblemOptions problem_options(const NetworkOptions& options) {
  return {.fuse = !options.no_fuse,
          .weights = options.weights,
          .elem_bytes = options.elem_bytes,
          .halo = options.tiles != 0,
          .in_place = options.in_place,
          .workspace = {}};
}

// Whether the plan is one that kernels can follow.
bool decide_runs(const OpenedNetwork& network, const NetworkOptions& options) {
  return options.execute && options.elem_bytes == 0 && network.missing.empty() &&
         native::refusals(network.graph).empty();
}

std::int64_t kernel_workspace(const Graph& graph, const Group& group) {
  return native::make_kernel(graph, group)->workspace();
}

std::int64_t widest_element(const Graph& graph) {
  std::int64_t widest = 1;
  for (const Value& value : graph.values()) widest = std::max(widest, size_of(value.type.dtype));
  return widest;
}

Graph cut_into_bands(const Graph& graph, const NetworkOptions& options) {
  try {
    return tile(graph, {.bands = options.tiles});
  } catch (const Error& error) {
    throw Error(error.kind(), "--tiles", error.problem(), error.next_step());
  }
}

Subject from_network(const std::string& path, const NetworkOptions& options, Pool& pool) {
  Subject subject;
  subject.network = open_network(path, shapes_from(options.shapes), true);
  OpenedNetwork& network = *subject.network;
  if (options.random_weights) {
    network.weights = random_weights(network.graph, options.seed);
    network.missing.clear();
  }
  if (network.missing.empty()) {
    // Also without fusion: operators on weights alone are how one operator of the file was imported, not the file's
    // own.
    Folded folded = fold(network.graph, network.weights, pool);
    network.graph = std::move(folded.graph);
    network.weights = std::move(folded.weights);
  }
  if (options.tiles != 0) network.graph = cut_into_bands(network.graph, options);
  subject.tiles = options.tiles;
  plan::GraphProblemOptions how = problem_options(options);
  subject.runs = decide_runs(network, options);
  if (subject.runs) {
    how.workspace = kernel_workspace;
    subject.alignment = widest_element(network.graph);
  }
  if (options.zero_copy_concat) how.concat_alignment = subject.alignment;
  subject.mapping = plan::problem_of(network.graph, how);
  subject.problem = subject.mapping->problem;
  subject.work = work_of(network.graph, *subject.mapping);
  return subject;
}

}  // namespace

FileKind kind_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  if (looks_like_npy(bytes)) return FileKind::array;
  if (looks_like_image(bytes)) return FileKind::image;
  if (is_gguf(bytes)) return FileKind::gguf;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{')
    return text.find("\"residencies\"") != std::string_view::npos ? FileKind::plan : FileKind::problem;
  if (looks_like_ncnn(text)) return FileKind::ncnn;
  if (is_placement(text)) return FileKind::placement;
  if (is_safetensors(text)) return FileKind::pliant;
  return is_protobuf(text) ? FileKind::onnx : FileKind::unknown;
}

std::string_view describe(FileKind kind) {
  switch (kind) {
    case FileKind::onnx: return "ONNX network";
    case FileKind::pliant: return "Pliant file";
    case FileKind::ncnn: return "ncnn network";
    case FileKind::gguf: return "GGUF file";
    case FileKind::problem: return "planner's problem";
    case FileKind::plan: return "plan";
    case FileKind::placement: return "placement instance";
    case FileKind::array: return "NumPy array";
    case FileKind::image: return "image";
    case FileKind::unknown: return "file of no known kind";
  }
  return "";
}

std::vector<Option> network_options(NetworkOptions& options) {
  return {
      option("shape", "INPUT=SIZES", options.shapes, "sizes of an input or symbol, as input=1x3x224x224 or batch=4"),
      option("elem-bytes", "N", options.elem_bytes, "bytes of every element, whatever its type")
          .within(1, 64)
          .with_default("the tensor's own type"),
      flag("weights", options.weights, "weights take scratchpad space too, instead of passing by"),
      flag("no-fuse", options.no_fuse, "plan every operator of the file by itself, without fusion"),
      flag("random-weights", options.random_weights, "seeded random weights in place of the file's"),
      option("tiles", "N", options.tiles, "cut convolutions, pools and pointwise operators into N horizontal bands")
          .within(2, 64)
          .with_default("none")
          .excludes("--no-fuse", "the rows that a band reads are put together inside its kernel"),
      flag("zero-copy-concat", options.zero_copy_concat,
           "let who reads a concat read its parts, which lie side by side then, instead of a copy of them"),
      flag("in-place", options.in_place,
           "let pointwise operators write their result over an input that nobody needs "
           "afterwards")};
}

std::map<std::string, Shape> shapes_from(const std::vector<std::string>& texts) {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    const std::size_t equals = text.rfind('=');
    if (equals == 0 || equals == std::string::npos)
      throw Error(ErrorKind::usage, "--shape", fmt::format("'{}' is not NAME=SIZES", text),
                  "write for example input=1x3x224x224");
    try {
      shapes[text.substr(0, equals)] = shape_from_text(text.substr(equals + 1));
    } catch (const Error& error) {
      throw Error(ErrorKind::usage, "--shape " + text, error.problem(), "write for example input=1x3x224x224");
    }
  }
  return shapes;
}

bool is_network(FileKind kind, const std::string& path) {
  return kind == FileKind::onnx || kind == FileKind::pliant || kind == FileKind::ncnn ||
         (kind == FileKind::unknown && (extension(path) == ".onnx" || extension(path) == ".pliant"));
}

bool is_zoo(const std::string& path) { return path.rfind("zoo:", 0) == 0; }

namespace {

void require_weights(const OpenedNetwork& network, const std::string& path, bool missing_weights) {
  if (!missing_weights && !network.missing.empty())
    throw Error(ErrorKind::not_found, path, "has no weights", "give --random-weights");
}

OpenedNetwork open_zoo(const std::string& path, const std::map<std::string, Shape>& shapes, bool missing_weights) {
  if (!shapes.empty()) throw Error(ErrorKind::usage, "--shape", "says nothing about the zoo: its sizes are fixed");
  OpenedNetwork network;
  network.graph = zoo::build(path.substr(4));
  network.structure_only = true;
  for (const Value& value : network.graph.values())
    if (value.role == Role::weight) network.missing.push_back(value.name);
  require_weights(network, path, missing_weights);
  return network;
}

OpenedNetwork open_ncnn(std::string_view text, const std::string& path, const std::map<std::string, Shape>& shapes,
                        bool missing_weights) {
  NcnnModel model = parse_ncnn(text, shapes, path);
  OpenedNetwork network;
  network.graph = std::move(model.graph);
  network.opaque = std::move(model.opaque);
  network.missing = std::move(model.missing);
  network.structure_only = true;
  require_weights(network, path, missing_weights);
  return network;
}

}  // namespace

OpenedNetwork open_network(const std::string& path, const std::map<std::string, Shape>& shapes, bool missing_weights) {
  if (is_zoo(path)) return open_zoo(path, shapes, missing_weights);
  const MappedFile file(path);
  const FileKind kind = kind_of(file.text());
  if (kind == FileKind::ncnn) return open_ncnn(file.text(), path, shapes, missing_weights);
  if (kind == FileKind::onnx || extension(path) == ".onnx") return open_onnx(path, shapes, missing_weights);
  if (!shapes.empty())
    throw Error(ErrorKind::usage, "--shape", "says nothing about a Pliant file: its sizes are fixed");
  Model model = read_model(path);
  OpenedNetwork network;
  network.graph = std::move(model.graph);
  network.weights = std::move(model.weights);
  return network;
}

Subject open_subject(const std::string& path, const NetworkOptions& options, Pool& pool) {
  if (is_zoo(path)) return from_network(path, options, pool);
  const MappedFile file(path);
  const FileKind kind = kind_of(file.text());
  if (is_network(kind, path)) return from_network(path, options, pool);
  refuse_network_options(options, kind);
  if (kind != FileKind::problem)
    throw Error(ErrorKind::format, path, fmt::format("is a {}, not a network or a planner's problem", describe(kind)),
                "give an ONNX or Pliant file, or a problem (docs/formats.md)");
  Subject subject;
  subject.problem = plan::problem_from_json(file.text(), path);
  return subject;
}

}  // namespace pliant::cli
