#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/chrome_trace.h"
#include "cli/network/subject.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "core/suggest.h"
#include "eval/classes.h"
#include "formats/npy/npy.h"
#include "graph/passes/passes.h"
#include "machine/native/native.h"
#include "open/network/inputs.h"

namespace pliant {

template <>
struct OptionWords<ImageLayout> {
  static constexpr std::pair<ImageLayout, const char*> words[] = {{ImageLayout::nchw, "nchw"},
                                                                  {ImageLayout::nhwc, "nhwc"}};
};
template <>
struct OptionWords<ImageFit> {
  static constexpr std::pair<ImageFit, const char*> words[] = {{ImageFit::stretch, "stretch"},
                                                               {ImageFit::crop, "crop"}};
};

namespace cli {
namespace {

struct RunOptions {
  std::string file, labels, trace;
  InputSources inputs;
  std::string mean = "0", std = "1";  // of inputs.normalization
  std::vector<std::string> shapes, outs;
  std::int64_t top = 0;
  bool no_fuse = false, random_weights = false;
};

// "0.5" for all channels, or "0.485,0.456,0.406".
void three_numbers(const std::string& text, const char* place, double (&target)[3]) {
  std::vector<double> values;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    option_value(text.substr(at, comma - at), place, values.emplace_back());
    at = comma + 1;
  }
  if (values.size() != 1 && values.size() != 3)
    throw Error(ErrorKind::usage, place, fmt::format("'{}' is not one number or three", text),
                "write for example 0.485,0.456,0.406");
  for (std::size_t c = 0; c < 3; ++c) target[c] = values[values.size() == 1 ? 0 : c];
}

Normalization normalization_of(const RunOptions& options) {
  Normalization result;
  three_numbers(options.mean, "--mean", result.mean);
  three_numbers(options.std, "--std", result.std);
  for (const double value : result.std)
    if (value == 0) throw Error(ErrorKind::usage, "--std", "0 cannot divide");
  return result;
}

struct Run {
  std::shared_ptr<const Graph> graph;
  std::vector<Tensor> outputs;
  double seconds = 0;
  std::int64_t arena_bytes = 0;
};

Run run_network(const RunOptions& options, const Invocation& context) {
  OpenedNetwork network =
      open_network(options.file, {shapes_from(options.shapes), options.random_weights});
  if (options.random_weights) randomize_weights(network, options.inputs.seed);
  fold_weights(network, context.pool());
  Run run;
  run.graph = std::make_shared<const Graph>(std::move(network.graph));
  native::Machine machine(context.pool(), {.isa = native::Isa::best, .fuse = !options.no_fuse});
  const auto program =
      machine.prepare(run.graph, std::make_shared<const WeightStore>(std::move(network.weights)));
  const std::vector<Tensor> inputs = read_inputs(*run.graph, options.inputs);
  std::vector<TensorView> in, out;
  for (const Tensor& each : inputs) in.push_back(each.view());
  for (const ValueId id : run.graph->outputs())
    out.push_back(run.outputs.emplace_back(run.graph->value(id).type).view());
  Workspace workspace(program->need(), context.pool());
  run.arena_bytes = program->need().arena_bytes;
  TraceFile trace(options.trace);
  const Clock clock = steady_clock();
  const double begin = clock();
  program->run({.inputs = in, .outputs = out, .rows = 0, .trace = trace.trace()}, workspace);
  run.seconds = clock() - begin;
  trace.write();
  return run;
}

// "y.npy" is the first output, "NAME=y.npy" the one of that name.
void write_outputs(const RunOptions& options, const Run& run) {
  const std::vector<std::string>& names = run.graph->output_names();
  for (const std::string& text : options.outs) {
    const std::size_t equals = text.find('=');
    std::size_t at = 0;
    if (equals != std::string::npos) {
      at = static_cast<std::size_t>(std::find(names.begin(), names.end(), text.substr(0, equals)) -
                                    names.begin());
      if (at == names.size())
        throw Error(ErrorKind::usage, "--out " + text, "the network has no such output",
                    did_you_mean(text.substr(0, equals), names));
    }
    write_file(equals == std::string::npos ? text : text.substr(equals + 1),
               npy_bytes(run.outputs.at(at).view()));
  }
}

std::vector<std::string> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  const std::string text = path.empty() ? "" : read_file(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    labels.push_back(text.substr(at, end - at));
    if (labels.back().ends_with('\r')) labels.back().pop_back();
    at = end + 1;
  }
  return labels;
}

std::vector<eval::Class> classes_of(const Tensor& scores, const RunOptions& options) {
  const std::vector<std::string> labels = read_labels(options.labels);
  const std::int64_t count = elements(scores.type().shape);
  if (count > 0 && !labels.empty() && std::ssize(labels) != count)
    throw Error(ErrorKind::invalid, options.labels,
                fmt::format("has {} lines, the output has {} values", labels.size(), count));
  return eval::top_classes(scores.view(), options.top, labels);
}

struct Summary {
  double low = 0, high = 0, mean = 0;
  std::int64_t not_finite = 0;
};

Summary summarize(const Tensor& tensor) {
  Summary s{INFINITY, -INFINITY, 0, 0};
  const std::int64_t count = elements(tensor.type().shape);
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = get(tensor.view(), i);
    if (!std::isfinite(value)) ++s.not_finite;
    s.low = std::min(s.low, value);
    s.high = std::max(s.high, value);
    s.mean += value / static_cast<double>(count);
  }
  return count == 0 ? Summary{} : s;
}

nlohmann::ordered_json to_json(const Run& run, const std::vector<eval::Class>& classes) {
  nlohmann::ordered_json json{{"seconds", run.seconds},
                              {"arena_bytes", run.arena_bytes},
                              {"outputs", nlohmann::json::array()}};
  for (std::size_t i = 0; i < run.outputs.size(); ++i) {
    const Summary s = summarize(run.outputs[i]);
    json["outputs"].push_back({{"name", run.graph->output_names()[i]},
                               {"type", to_string(run.outputs[i].type())},
                               {"min", s.low},
                               {"max", s.high},
                               {"mean", s.mean},
                               {"not_finite", s.not_finite}});
  }
  for (const eval::Class& each : classes)
    json["top"].push_back({{"index", each.index},
                           {"label", each.label},
                           {"value", each.value},
                           {"probability", each.probability}});
  return json;
}

void print(std::ostream& out, const Run& run, const std::vector<eval::Class>& classes) {
  for (std::size_t i = 0; i < run.outputs.size(); ++i) {
    const Summary s = summarize(run.outputs[i]);
    print_line(
        out, "output",
        fmt::format("{} {}: min {:.6g}, max {:.6g}, mean {:.6g}{}", run.graph->output_names()[i],
                    to_string(run.outputs[i].type()), s.low, s.high, s.mean,
                    s.not_finite == 0 ? "" : fmt::format(", {} values NOT FINITE", s.not_finite)));
  }
  for (const eval::Class& each : classes)
    print_line(
        out, fmt::format("class {}", each.index),
        fmt::format("{:>6.2f} %  {:>10.5g}  {}", 100 * each.probability, each.value, each.label));
  print_line(out, "time",
             fmt::format("{}, arena {}", seconds_text(run.seconds), bytes_text(run.arena_bytes)));
}

int run_run(RunOptions options, const Invocation& context) {
  if (options.top == 0 && !options.labels.empty()) options.top = 5;
  options.inputs.seed = static_cast<std::uint64_t>(context.common.seed);
  options.inputs.normalization = normalization_of(options);
  const Run run = run_network(options, context);
  write_outputs(options, run);
  const std::vector<eval::Class> classes = options.top > 0 && !run.outputs.empty()
                                               ? classes_of(run.outputs[0], options)
                                               : std::vector<eval::Class>{};
  if (context.common.json) print_json(context.out, to_json(run, classes));
  else print(context.out, run, classes);
  return success;
}

}  // namespace

Verb run_verb() {
  const auto options = std::make_shared<RunOptions>();
  InputSources& inputs = options->inputs;
  Command command{
      .name = "run",
      .summary = "run a network on this computer",
      .description =
          {"Inputs are .npy arrays, pictures (resized to the input's size, scaled to 0..1, then "
           "normalised by --mean and --std) or random numbers, in the order of the network's "
           "inputs or by name."},
      .arguments = {argument("FILE", options->file, "the network (ONNX or Pliant file)").path()},
      .options =
          {option("input", "[NAME=]SOURCE", inputs.texts, "x.npy, picture.png or random[:SEED]")
               .with_letter('i')
               .path(),
           option("out", "[NAME=]FILE", options->outs, "write an output as .npy")
               .with_letter('o')
               .written(),
           option("mean", "X[,X,X]", options->mean,
                  "subtracted from the pixels (scaled to 0..1), per channel"),
           option("std", "X[,X,X]", options->std, "divides the pixels after that, per channel"),
           option("layout", "LAYOUT", inputs.layout, "how the input holds a picture")
               .with_choices({"nchw", "nhwc"})
               .with_default("by its shape"),
           option(
               "fit", "HOW", inputs.fit,
               "how a picture gets the input's size: stretched, or scaled to cover it and cropped"),
           option("labels", "FILE", options->labels,
                  "names of the classes, one per line; implies --top 5")
               .path(),
           option("top", "N", options->top, "print the N highest values of the first output")
               .at_least(0)
               .with_default("none"),
           option("shape", "INPUT=SIZES", options->shapes,
                  "sizes of an input or symbol, as input=1x3x224x224"),
           option("trace", "FILE", options->trace, "write a trace for chrome://tracing or Perfetto")
               .written(),
           flag("random-weights", options->random_weights,
                "seeded random weights in place of the file's"),
           flag("no-fuse", options->no_fuse, "run every operator by itself")},
      .examples = {
          {"pliant run net.onnx --input random", "try a network"},
          {"pliant run net.onnx --input cat.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 "
           "--labels imagenet.txt",
           "classify a picture"},
          {"pliant run net.onnx --input ids=ids.npy --input mask=mask.npy --out logits=y.npy",
           "several inputs by name"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_run(*options, context); }};
}

}  // namespace cli
}  // namespace pliant
