#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/search/judge.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "formats/safetensors/safetensors.h"
#include "graph/passes/passes.h"
#include "machine/native/native.h"
#include "open/network/open_network.h"

namespace pliant::cli {
namespace {

using elasticvit::Architecture;
using nlohmann::ordered_json;

struct SubnetExportOptions {
  std::string supernet, out, architecture, labels;
  std::int64_t batch = 1;
};

// What the network says of a picture on the native machine.
Tensor logits_of(const Graph& graph, const WeightStore& weights, const TensorView& picture,
                 ThreadPool& pool) {
  native::Machine machine(pool);
  const auto program = machine.prepare(std::make_shared<const Graph>(graph),
                                       std::make_shared<const WeightStore>(weights));
  Workspace workspace(program->need(), pool);
  Tensor result(program->graph().value(program->graph().outputs()[0]).type);
  program->run({.inputs = std::vector{picture}, .outputs = std::vector{result.view()}}, workspace);
  return result;
}

// A held-out picture as the exported network takes it, as many times as it has rows.
Tensor picture_for(const Graph& graph, SupernetJudge& judge) {
  Tensor result(graph.value(graph.inputs()[0]).type);
  const std::span<const float> all = judge.judging().held_out().at(0).images.span<float>();
  const std::span<float> out = result.span<float>();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = all[i % all.size()];
  return result;
}

class SubnetExport {
 public:
  SubnetExport(const SubnetExportOptions& options, const Invocation& context)
      : options_(options), context_(context), judge_(options.supernet, "", context) {}

  int run() {
    const Architecture subnet = architecture_of(options_.architecture, judge_.subject(), "--arch");
    const auto statistics = judge_.evaluator().estimate(subnet, judge_.judging().estimating());
    const search::Worth worth =
        judge_.evaluator().worth(subnet, statistics, judge_.judging().held_out());
    const WeightStore supernet = search::with_statistics(*judge_.supernet().weights, statistics);
    const Graph slice =
        subnet_graph(judge_.subject().space(), subnet,
                     {.batch = options_.batch, .image_side = judge_.supernet().recipe.images.side});
    const Folded alone = fold(slice, supernet, context_.pool());
    const Tensor picture = picture_for(slice, judge_);
    const Tensor wanted = logits_of(slice, supernet, picture.view(), context_.pool()),
                 got = logits_of(alone.graph, alone.weights, picture.view(), context_.pool());
    if (!std::ranges::equal(wanted.raw(), got.raw()))
      throw Error(ErrorKind::internal, options_.out,
                  "says something else than the supernet's slice");
    write(alone);
    tell(subnet, worth, alone);
    return success;
  }

 private:
  void write(const Folded& alone) const {
    const std::string kind = extension(options_.out);
    OpenedNetwork network;
    network.graph = alone.graph;
    network.weights = alone.weights;
    if (kind == ".pliant") save_network(network, NetworkFormat::pliant, options_.out);
    else if (kind == ".onnx") save_network(network, NetworkFormat::onnx, options_.out);
    else if (kind == ".tflite") save_network(network, NetworkFormat::tflite, options_.out);
    else if (kind == ".safetensors") {
      SafeTensors contents;
      alone.weights.for_each([&](const std::string& name, const Stored& stored) {
        contents.tensors.push_back({name, stored.type, stored.bytes});
      });
      write_safetensors(options_.out, contents);
    } else {
      throw Error(ErrorKind::usage, "--out",
                  fmt::format("'{}' is no kind of file that is written here", kind),
                  "end it in .pliant, .onnx, .tflite or .safetensors");
    }
    if (options_.labels.empty()) return;
    std::string text;
    for (const std::string& each : judge_.images().classes()) text += each + "\n";
    write_file(options_.labels, text);
  }

  void tell(const Architecture& subnet, const search::Worth& worth, const Folded& alone) const {
    const search::ImagesRecipe& images = judge_.supernet().recipe.images;
    std::int64_t parameters = 0;
    alone.weights.for_each([&](const std::string&, const Stored& stored) {
      parameters += elements(stored.type.shape);
    });
    if (context_.common.json) {
      ordered_json json{{"out", options_.out}, {"arch", judge_.subject().json(subnet)}};
      json.update(judge_.subject().costs(subnet));
      json.update(ordered_json{{"accuracy", worth.accuracy},
                               {"loss", worth.loss},
                               {"held_out_images", judge_.held_out_images()},
                               {"weights", parameters},
                               {"side", images.side},
                               {"mean", images.mean},
                               {"std", images.deviation}});
      print_json(context_.out, json);
      return;
    }
    print_line(
        context_.out, "written",
        fmt::format("{}: {} numbers in its weights, logits bit-equal to the supernet's slice",
                    options_.out, count_text(parameters)));
    print_line(context_.out, "accuracy",
               fmt::format("{:.2f} % of {} held-out images", 100 * worth.accuracy,
                           judge_.held_out_images()));
    if (extension(options_.out) == ".tflite")
      print_line(
          context_.out, "takes",
          fmt::format("pictures of {0}x{0}, channels last, of mean {1} and deviation {2}",
                      images.side, fmt::join(images.mean, ","), fmt::join(images.deviation, ",")));
    else if (extension(options_.out) != ".safetensors")
      print_line(
          context_.out, "run",
          fmt::format("pliant run {} --input picture.png --fit crop --mean {} --std {}{}",
                      options_.out, fmt::join(images.mean, ","), fmt::join(images.deviation, ","),
                      options_.labels.empty() ? "" : " --labels " + options_.labels));
  }

  const SubnetExportOptions& options_;
  const Invocation& context_;
  SupernetJudge judge_;
};

}  // namespace

Verb search_export_verb() {
  const auto options = std::make_shared<SubnetExportOptions>();
  Command command{
      .name = "search export",
      .summary = "write a subnet of a supernet as a network of its own",
      .description =
          {"The subnet's batch normalisations are estimated from training images of the "
           "supernet's recipe, its slices of the supernet's weights are computed, and what is left "
           "is written: a Pliant file, ONNX, or safetensors with the weights alone. Nothing is "
           "written unless its logits of a held-out image equal the slice's bit by bit. The "
           "network takes images as the recipe says: side, mean and std are told.",
           "With --json: out, what search measure says, accuracy and loss of the held-out_images "
           "inside the supernet, weights (their elements), side, mean, std."},
      .arguments = {argument("SUPERNET", options->supernet,
                             "the folder of a run of search train, or its supernet.safetensors")
                        .path()},
      .options =
          {option("arch", "ARCH", options->architecture,
                  "the subnet: a name, FILE (found.json of search find, say) or JSON")
               .must(),
           option("out", "FILE", options->out,
                  "the file to write: .pliant, .onnx, .tflite or .safetensors")
               .with_letter('o')
               .written()
               .must(),
           option("labels", "FILE", options->labels, "also write the classes, one a line")
               .written(),
           option("batch", "N", options->batch, "images that it takes at once").within(1, 4096)},
      .examples = {{"pliant search export shapes --arch found/found.json -o subnet.onnx",
                    "what was found, for every runtime that reads ONNX"},
                   {"pliant search export shapes --arch smallest -o small.pliant --labels classes",
                    "the smallest one, with its classes"}}};
  return {std::move(command),
          [options](const Invocation& context) { return SubnetExport(*options, context).run(); }};
}

}  // namespace pliant::cli
