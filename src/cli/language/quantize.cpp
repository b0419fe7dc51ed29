#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "command/print.h"
#include "compress/rounding.h"
#include "core/error.h"
#include "core/log/progress.h"
#include "quant/format_names.h"

namespace pliant::cli {
namespace {

struct QuantizeOptions {
  std::string in, to, out, head;
  std::vector<std::string> keep;
  bool dry_run = false, force = false;
};

RoundingOptions rounding_of(const QuantizeOptions& options) {
  RoundingOptions result{format_from_name(options.to, "--to"), {}, options.keep};
  if (!options.head.empty()) result.head = format_from_name(options.head, "--head");
  return result;
}

double bits_per_weight(std::int64_t bytes, std::int64_t weights) {
  return weights > 0 ? 8 * static_cast<double>(bytes) / static_cast<double>(weights) : 0;
}

// Tensors of one kind: written as `from`, now as `to`.
struct Row {
  std::int64_t tensors = 0, weights = 0, before = 0, after = 0;
  double error = 0, size = 0;

  void add(const RoundedTensor& tensor) {
    ++tensors;
    weights += elements(tensor.shape);
    before += tensor.bytes_before;
    after += tensor.bytes_after;
    error += tensor.error;
    size += tensor.size;
  }
};

void print_row(std::ostream& out, const std::string& from, const std::string& to, const Row& row,
               bool dry) {
  const std::string error =
      dry || row.error == 0 ? ""
                            : fmt::format("{:>9.3f} %", 100 * relative_error(row.error, row.size));
  out << fmt::format("{:<7} {:<7} {:>8} {:>12} {:>12} {:>12.3f} {:>11}\n", from, to, row.tensors,
                     bytes_text(row.before), bytes_text(row.after),
                     bits_per_weight(row.after, row.weights), error);
}

void print_report(std::ostream& out, const RoundingReport& report, bool dry) {
  std::map<std::pair<std::string, std::string>, Row> rows;
  Row total;
  for (const RoundedTensor& each : report.tensors) {
    rows[{each.from, each.to}].add(each);
    total.add(each);
  }
  out << fmt::format("{:<7} {:<7} {:>8} {:>12} {:>12} {:>12} {:>11}\n", "from", "to", "tensors",
                     "before", "after", "bits/weight", "error");
  for (const auto& [formats, row] : rows) print_row(out, formats.first, formats.second, row, dry);
  print_row(out, "all", "", total, dry);
}

nlohmann::ordered_json to_json(const RoundingReport& report, double seconds, bool dry) {
  nlohmann::ordered_json json{{"tensors", nlohmann::ordered_json::array()}};
  Row total;
  for (const RoundedTensor& each : report.tensors) {
    total.add(each);
    json["tensors"].push_back({{"name", each.name},
                               {"shape", each.shape},
                               {"from", each.from},
                               {"to", each.to},
                               {"bytes_before", each.bytes_before},
                               {"bytes_after", each.bytes_after}});
    if (!dry) json["tensors"].back()["error"] = relative_error(each.error, each.size);
  }
  json["parameters"] = report.parameters();
  json["bytes_before"] = report.bytes_before();
  json["bytes_after"] = report.bytes_after();
  json["bits_per_weight"] = bits_per_weight(report.bytes_after(), report.parameters());
  if (!dry) json["error"] = relative_error(total.error, total.size);
  json["seconds"] = seconds;
  return json;
}

int run_quantize(const QuantizeOptions& options, const Invocation& context) {
  const RoundingOptions rounding = rounding_of(options);
  if (!options.force && !options.dry_run && std::filesystem::exists(options.out))
    throw Error(ErrorKind::usage, options.out, "exists already", "--force writes over it");
  Progress progress(context.log, steady_clock());
  const auto show = [&](std::size_t done, const RoundingReport& report) {
    if (context.stop)
      throw Error(ErrorKind::cancelled, options.out, "stopped; nothing was written");
    progress.show([&] {
      return fmt::format("quantize: {} of {}, {}", done, report.tensors.size(),
                         report.tensors[done].name);
    });
  };
  const RoundingReport report =
      round_file(options.in, options.out, rounding, context.pool(), options.dry_run, show);
  if (context.common.json)
    print_json(context.out, to_json(report, progress.seconds(), options.dry_run));
  else print_report(context.out, report, options.dry_run);
  return success;
}

}  // namespace

Verb quantize_verb() {
  const auto options = std::make_shared<QuantizeOptions>();
  Command command{
      .name = "quantize",
      .summary = "round a model's weights to fewer bits",
      .description =
          {"Reads a language model (a GGUF file, a folder with config.json, a checkpoint of "
           "llama2.c "
           "or CoreNet, minGPT's JSON), which becomes a GGUF file with its tokenizer; a Pliant "
           "file, which "
           "stays one; or the tensors of a safetensors file. Matrices are rounded, vectors and "
           "tensors whose rows do not fit stay. Where the blocks of 256 of an encoding do not fit, "
           "the next finer encoding with blocks of 32 is taken. The matrix that gives the logits "
           "is written as Q6_K when TYPE is coarser.",
           "The error is the root mean square of what rounding took away, relative to the values. "
           "docs/formats.md describes the types."},
      .arguments = {argument("IN", options->in, "the model").path()},
      .options = {option(
                      "to", "TYPE", options->to,
                      fmt::format("how matrices are written: {}", fmt::join(format_names(), ", ")))
                      .must(),
                  option("out", "FILE", options->out, "the file to write")
                      .with_letter('o')
                      .written()
                      .must(),
                  option("keep", "PATTERN", options->keep,
                         "tensors that stay as they are; * and ? match any letters"),
                  option("head", "TYPE", options->head,
                         "how the matrix that gives the logits is written")
                      .with_default("Q6_K or finer"),
                  flag("force", options->force, "write over what is there"),
                  flag("dry-run", options->dry_run, "print the sizes, write nothing")},
      .examples = {
          {"pliant quantize model.gguf --to Q4_K --out model-q4.gguf", "4.5 bits per weight"},
          {"pliant quantize model.safetensors --to Q8_0 --keep 'model.layers.0.*' --out model.gguf",
           "the first layer stays"},
          {"pliant quantize model.gguf --to Q2_K --out small.gguf --dry-run",
           "how small it would be"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_quantize(*options, context); }};
}

}  // namespace pliant::cli
