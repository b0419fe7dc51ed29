#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/language/inspect.h"
#include "cli/network/subject.h"
#include "cli/network/zoo_list.h"
#include "cli/plan/place_file.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/npy/npy.h"
#include "graph/text/text.h"
#include "image/image.h"
#include "plan/place/place.h"
#include "plan/solve.h"

namespace pliant::cli {
namespace {

struct InspectOptions {
  NetworkOptions network;
  std::string file, dot;
  bool text = false;
  Seconds time_limit{5};
};

plan::ScratchpadSizes sizes_of(const plan::Problem& problem, const InspectOptions& options,
                               const Invocation& context) {
  plan::SolveOptions solve;
  solve.limits.seconds = options.time_limit.count;
  solve.limits.stop = &context.stop;
  return plan::scratchpad_sizes(problem, solve, context.pool());
}

void add_sizes(nlohmann::ordered_json& json, const plan::ScratchpadSizes& sizes,
               const plan::Problem& problem) {
  json["m_r"] = sizes.required.bytes;
  if (sizes.required.op >= 0) json["m_r_operator"] = problem.operators[sizes.required.op].name;
  json["m_h"] = sizes.half;
  json["m_p"] = sizes.peak;
  json["m_p_exact"] = sizes.peak_exact;
  json["m_p_lower"] = sizes.peak_lower;
}

void print_sizes(std::ostream& out, const plan::ScratchpadSizes& sizes,
                 const plan::Problem& problem) {
  std::string required = exact_bytes(sizes.required.bytes);
  if (sizes.required.op >= 0)
    required += ", operator '" + problem.operators[sizes.required.op].name + "'";
  print_line(out, "M_R", required);
  print_line(out, "M_H", exact_bytes(sizes.half));
  print_line(out, "M_P",
             exact_bytes(sizes.peak) +
                 (sizes.peak_exact
                      ? ""
                      : fmt::format(" at most; at least {} B", grouped_text(sizes.peak_lower))));
}

struct GraphFacts {
  std::int64_t parameters = 0, parameter_bytes = 0, macs = 0, tensors = 0;
  std::map<std::string, std::int64_t> kinds;
};

GraphFacts facts_of(const Graph& graph) {
  GraphFacts facts;
  for (const Value& value : graph.values()) {
    if (value.role == Role::weight) {
      facts.parameters += elements(value.type.shape);
      facts.parameter_bytes += bytes(value.type);
    }
    if (value.role != Role::constant) ++facts.tensors;
  }
  for (const Op& op : graph.ops()) {
    facts.macs += macs(graph, op);
    ++facts.kinds[std::string(name(op.kind))];
  }
  return facts;
}

nlohmann::ordered_json port_json(const Graph& graph, const std::vector<ValueId>& ids,
                                 const std::vector<std::string>& names) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < ids.size(); ++i)
    list.push_back({{"name", names[i]}, {"type", to_string(graph.value(ids[i]).type)}});
  return list;
}

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs()) names.push_back(graph.value(id).name);
  return names;
}

// The word for a network's kind, and what people are told.
std::pair<const char*, std::string> words_of(const OpenedNetwork& network) {
  switch (network.kind) {
    case FileKind::zoo: return {"zoo", "generated, without weights"};
    case FileKind::ncnn: return {"ncnn", "ncnn, without weights"};
    case FileKind::onnx: return {"onnx", fmt::format("ONNX, opset {}", network.opset)};
    default: return {"pliant", "Pliant file"};
  }
}

nlohmann::ordered_json network_json(const OpenedNetwork& network, const GraphFacts& facts) {
  const Graph& graph = network.graph;
  return {{"kind", words_of(network).first},
          {"opset", network.opset},
          {"parameters", facts.parameters},
          {"parameter_bytes", facts.parameter_bytes},
          {"macs", facts.macs},
          {"tensors", facts.tensors},
          {"operators", graph.ops().size()},
          {"operator_kinds", facts.kinds},
          {"inputs", port_json(graph, graph.inputs(), input_names(graph))},
          {"outputs", port_json(graph, graph.outputs(), graph.output_names())},
          {"opaque", network.opaque},
          {"missing_weights", network.missing}};
}

void print_network(std::ostream& out, const OpenedNetwork& network, const GraphFacts& facts,
                   std::string_view path) {
  const Graph& graph = network.graph;
  print_line(out, "network", fmt::format("{}: {}", path, words_of(network).second));
  for (const ValueId id : graph.inputs())
    print_line(out, "input", graph.value(id).name + " " + to_string(graph.value(id).type));
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    print_line(out, "output",
               graph.output_names()[i] + " " + to_string(graph.value(graph.outputs()[i]).type));
  print_line(
      out, "parameters",
      fmt::format("{} ({})", count_text(facts.parameters), bytes_text(facts.parameter_bytes)));
  print_line(out, "MACs", count_text(facts.macs));
  print_line(out, "tensors", std::to_string(facts.tensors));
  std::string kinds;
  for (const auto& [kind, count] : facts.kinds)
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, kind);
  print_line(out, "operators", fmt::format("{}: {}", graph.ops().size(), kinds));
  for (const std::string& each : network.opaque) print_line(out, "opaque", each);
  if (!network.missing.empty())
    print_line(out, "missing", fmt::format("{} weights without data", network.missing.size()));
}

int inspect_network(const Source& source, const InspectOptions& options,
                    const Invocation& context) {
  const OpenedNetwork network = open_network(source, {shapes_from(options.network.shapes), true});
  if (options.text) {
    context.out << to_text(network.graph, {.inline_elements = 64});
    return success;
  }
  const NetworkSubject subject = subject_of(network, options.network, context.pool());
  if (!options.dot.empty())
    write_file(options.dot, to_dot(subject.network->graph, subject.mapping.groups));
  const GraphFacts facts = facts_of(network.graph);
  const plan::ScratchpadSizes sizes = sizes_of(subject.problem(), options, context);
  if (context.common.json) {
    nlohmann::ordered_json json = network_json(network, facts);
    add_sizes(json, sizes, subject.problem());
    json["planned_operators"] = subject.problem().operators.size();
    json["planned_tensors"] = subject.problem().tensors.size();
    print_json(context.out, json);
    return success;
  }
  print_network(context.out, network, facts, file_name(source.path()));
  print_line(context.out, "planned",
             fmt::format("{} operators, {} tensors after folding and fusion",
                         subject.problem().operators.size(), subject.problem().tensors.size()));
  print_sizes(context.out, sizes, subject.problem());
  return success;
}

int inspect_problem(const Source& source, const InspectOptions& options,
                    const Invocation& context) {
  const plan::Problem problem = open_subject(source, options.network, context.pool()).problem();
  std::map<std::string, std::int64_t> bytes_of;
  for (const plan::TensorInfo& tensor : problem.tensors)
    bytes_of[std::string(plan::name(tensor.role))] += tensor.bytes;
  const plan::ScratchpadSizes sizes = sizes_of(problem, options, context);
  if (context.common.json) {
    nlohmann::ordered_json json{{"kind", "problem"},
                                {"tensors", problem.tensors.size()},
                                {"operators", problem.operators.size()},
                                {"bytes", bytes_of}};
    add_sizes(json, sizes, problem);
    print_json(context.out, json);
    return success;
  }
  print_line(context.out, "problem",
             fmt::format("{}: {} operators, {} tensors", file_name(source.path()),
                         problem.operators.size(), problem.tensors.size()));
  for (const auto& [role, count] : bytes_of) print_line(context.out, role, exact_bytes(count));
  print_sizes(context.out, sizes, problem);
  return success;
}

int inspect_placement(const Source& source, const Invocation& context) {
  const place::Instance instance = place::instance_from_csv(source.text(), source.path());
  std::int64_t bytes = 0;
  std::int32_t end = 0;
  for (const place::Rectangle& each : instance.rectangles) {
    bytes += each.size;
    end = std::max(end, each.upper);
  }
  if (context.common.json) {
    print_json(context.out, {{"kind", "placement"},
                             {"buffers", instance.ids.size()},
                             {"bytes", bytes},
                             {"end", end},
                             {"peak_bytes", fluid_peak(instance.rectangles)}});
    return success;
  }
  print_line(context.out, "placement",
             fmt::format("{}: {} buffers, {} together, until time {}", file_name(source.path()),
                         instance.ids.size(), bytes_text(bytes), end));
  print_line(context.out, "peak",
             exact_bytes(fluid_peak(instance.rectangles)) + " alive at one time");
  return success;
}

int inspect_plan(const Source& source, const Invocation& context) {
  const auto json = parse_ordered_json(source.text(), source.path());
  if (!json.is_object()) throw Error(ErrorKind::format, source.path(), "is not a JSON object");
  nlohmann::ordered_json summary{{"kind", "plan"}};
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) summary[key] = value.size();
    else if (!value.is_object()) summary[key] = value;
  }
  if (context.common.json) {
    print_json(context.out, summary);
    return success;
  }
  for (const auto& [key, value] : summary.items())
    print_line(context.out, key + " ", value.is_string() ? value.get<std::string>() : value.dump());
  context.log.info("pliant plan check PROBLEM PLAN says whether the plan is valid");
  return success;
}

int inspect_array(const Source& source, const Invocation& context) {
  const bool array = source.kind() == FileKind::array;
  std::string type;
  if (array) {
    type = to_string(tensor_from_npy(source.bytes(), source.path()).type());
  } else {
    const Image image = decode_image(source.bytes(), source.path());
    type = fmt::format("{} x {} pixels", image.width, image.height);
  }
  const char* const kind = array ? "array" : "image";
  if (context.common.json) print_json(context.out, {{"kind", kind}, {"type", type}});
  else print_line(context.out, kind, type);
  return success;
}

int run_inspect(const InspectOptions& options, const Invocation& context) {
  if (options.file == zoo_list) return list_zoo(context);
  const Source source(options.file);
  check_options(source, context);
  if (is_network(source.kind())) return inspect_network(source, options, context);
  switch (source.kind()) {
    case FileKind::gguf: return inspect_gguf(source, context);
    case FileKind::folder:
    case FileKind::llama2c:
    case FileKind::mingpt:
    case FileKind::torch: return inspect_language_model(source, context);
    case FileKind::problem: return inspect_problem(source, options, context);
    case FileKind::placement: return inspect_placement(source, context);
    case FileKind::plan: return inspect_plan(source, context);
    case FileKind::array:
    case FileKind::image: return inspect_array(source, context);
    default:
      throw Error(
          ErrorKind::format, source.path(),
          "is none of: ONNX, Pliant file, GGUF, problem, plan, placement instance, .npy, image",
          "check that the file is whole");
  }
}

}  // namespace

Verb inspect_verb() {
  const auto options = std::make_shared<InspectOptions>();
  Command command{
      .name = "inspect",
      .summary = "describe a file: network, language model, plan, array, picture",
      .description = {"Tells by the content whether FILE is an ONNX network, a Pliant file, a GGUF "
                      "file, another language model (a folder, a checkpoint of llama2.c or "
                      "CoreNet), a planner's problem, a plan, a placement instance, a NumPy array "
                      "or an image; zoo:NAME "
                      "is a network that Pliant generates (zoo:list names them). Of a GGUF file: "
                      "metadata (long lists cut short) and tensors with types and sizes. Of a "
                      "language model: family, parameters, widths by layer, cache bytes per token, "
                      "tokenizer. Of a network: operators by kind, multiply-accumulates, "
                      "parameters, and the three scratchpad sizes: M_R (the largest single "
                      "operator: nothing runs below it), M_P (the least peak over all orders: no "
                      "traffic is needed from there on) and M_H (their mean)."},
      .arguments = {argument("FILE", options->file, "the file").path()},
      .options =
          {option("dot", "FILE", options->dot, "write the graph, as it is planned, for Graphviz")
               .written()
               .only_for({networks}),
           flag("text", options->text, "print the graph of the file as text").only_for({networks}),
           option("time-limit", "TIME", options->time_limit,
                  "limit of the search for M_P; then what is known by then is printed")},
      .examples = {
          {"pliant inspect net.onnx", "what a network holds"},
          {"pliant inspect net.onnx --elem-bytes 1 --json", "with 8-bit elements, for a script"},
          {"pliant inspect zoo:list", "the networks that can be generated"},
          {"pliant inspect zoo:resnet50 --elem-bytes 1", "one of them"},
          {"pliant inspect folder/", "layers, parameters, cache and tokenizer of a language model"},
          {"pliant inspect model.gguf",
           "metadata, tensors and bits per weight of a language model"},
          {"pliant inspect net.onnx --dot net.dot && dot -Tsvg net.dot -o net.svg", "a picture"},
      }};
  for (Option& each : network_options(options->network)) command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_inspect(*options, context); }};
}

}  // namespace pliant::cli
