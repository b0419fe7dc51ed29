#include "cli/network/subject.h"

#include <fmt/format.h>

#include "core/error.h"
#include "graph/passes/tile.h"

namespace pliant::cli {
namespace {

Graph cut_into_bands(const Graph& graph, const NetworkOptions& options) {
  try {
    return tile(graph, {.bands = options.tiles});
  } catch (const Error& error) {
    throw Error(error.kind(), "--tiles", error.problem(), error.next_step());
  }
}

}  // namespace

std::vector<Option> network_options(NetworkOptions& options) {
  std::vector<Option> table{
      option("shape", "INPUT=SIZES", options.shapes,
             "sizes of an input or symbol, as input=1x3x224x224 or batch=4"),
      option("elem-bytes", "N", options.elem_bytes, "bytes of every element, whatever its type")
          .within(1, 64)
          .with_default("the tensor's own type"),
      flag("weights", options.weights,
           "count weights as tensors in the scratchpad, not as data streamed past it"),
      flag("no-fuse", options.no_fuse, "do not fuse operators: plan each of the file's by itself"),
      flag("random-weights", options.random_weights,
           "seeded random weights in place of the file's"),
      option("tiles", "N", options.tiles,
             "cut convolutions, pools and pointwise operators into N horizontal bands")
          .within(2, 64)
          .with_default("none")
          .excludes("--no-fuse", "the rows that a band reads are put together inside its kernel"),
      flag("zero-copy-concat", options.zero_copy_concat,
           "place the parts of a concat side by side, so that nothing is copied"),
      flag("in-place", options.in_place,
           "let pointwise operators write their result over an input that nobody needs "
           "afterwards")};
  for (Option& each : table) each.inputs = {networks};
  return table;
}

void check_options(const Source& source, const Invocation& context) {
  const FileKind kind = source.kind();
  context.check_input({is_network(kind)            ? networks
                       : kind == FileKind::problem ? problems
                                                   : "",
                       describe(kind)});
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
      throw Error(ErrorKind::usage, "--shape " + text, error.problem(),
                  "write for example input=1x3x224x224");
    }
  }
  return shapes;
}

NetworkSubject subject_of(OpenedNetwork network, const NetworkOptions& options, ThreadPool& pool) {
  if (options.random_weights) randomize_weights(network, options.seed);
  // Also without fusion: operators on weights alone are how one operator of the file was imported,
  // not the file's own.
  if (network.missing.empty()) fold_weights(network, pool);
  if (options.tiles != 0) network.graph = cut_into_bands(network.graph, options);
  NetworkSubject subject{scratchpad::subject_of(network.graph, network.missing.empty(),
                                                {.fuse = !options.no_fuse,
                                                 .weights = options.weights,
                                                 .in_place = options.in_place,
                                                 .tiled = options.tiles != 0,
                                                 .zero_copy_concat = options.zero_copy_concat,
                                                 .elem_bytes = options.elem_bytes,
                                                 .kernels = options.execute}),
                         {},
                         options.tiles};
  subject.network = std::move(network);
  return subject;
}

NetworkSubject open_subject(const Source& source, const NetworkOptions& options, ThreadPool& pool) {
  if (is_network(source.kind()))
    return subject_of(open_network(source, {shapes_from(options.shapes), true}), options, pool);
  if (source.kind() != FileKind::problem)
    throw Error(
        ErrorKind::format, source.path(),
        fmt::format("is a {}, not a network or a planner's problem", describe(source.kind())),
        "give an ONNX or Pliant file, or a problem (docs/formats.md)");
  NetworkSubject subject;
  subject.mapping.problem = plan::problem_from_json(source.text(), source.path());
  return subject;
}

}  // namespace pliant::cli
