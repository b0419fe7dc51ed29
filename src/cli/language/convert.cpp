#include "models/language/files/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <variant>

#include "cli/network/subject.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "models/language/files/vocabulary.h"
#include "open/carry_tokenizer.h"
#include "open/language_model.h"
#include "open/network/open_network.h"
#include "quant/format_names.h"

namespace pliant {

using AnyFormat = std::variant<ModelFormat, NetworkFormat>;

template <>
struct OptionWords<AnyFormat> {
  static constexpr std::pair<AnyFormat, const char*> words[] = {
      {ModelFormat::hugging_face, "hf"}, {ModelFormat::gguf, "gguf"},
      {ModelFormat::mlx, "mlx"},         {ModelFormat::llama2c, "llama2c"},
      {NetworkFormat::onnx, "onnx"},     {NetworkFormat::pliant, "pliant"},
      {NetworkFormat::tflite, "tflite"}};
};

namespace cli {
namespace {

struct ConvertOptions {
  std::string in, out, tokenizer, type;
  AnyFormat to = ModelFormat::gguf;
  int bits = 0;
  std::int64_t group = 64, vocabulary = 0;
  std::vector<std::string> shapes;
  bool random_weights = false, force = false;
};

bool is_folder(const AnyFormat& format) {
  return format == AnyFormat(ModelFormat::hugging_face) || format == AnyFormat(ModelFormat::mlx);
}

void check_place(const ConvertOptions& options) {
  namespace fs = std::filesystem;
  const bool taken =
      fs::is_directory(options.out) ? !fs::is_empty(options.out) : fs::exists(options.out);
  if (taken && !options.force)
    throw Error(ErrorKind::usage, options.out, "exists already", "--force writes over it");
  if (fs::exists(options.out) && fs::is_directory(options.out) != is_folder(options.to))
    throw Error(ErrorKind::usage, options.out,
                is_folder(options.to) ? "is a file; this format is a folder"
                                      : "is a folder; this format is a file");
}

std::int64_t bytes_of(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return static_cast<std::int64_t>(fs::file_size(path));
  std::int64_t total = 0;
  for (const auto& each : fs::directory_iterator(path))
    if (each.is_regular_file()) total += static_cast<std::int64_t>(each.file_size());
  return total;
}

void report(const ConvertOptions& options, const LanguageModel& model, bool tokenizer,
            const Invocation& context) {
  const std::int64_t bytes = bytes_of(options.out), parameters = parameter_count(model.config);
  const auto format = option_text(options.to);
  if (context.common.json) {
    print_json(context.out, {{"out", options.out},
                             {"format", format},
                             {"family", name(model.config.family)},
                             {"parameters", parameters},
                             {"bytes", bytes},
                             {"tokenizer", tokenizer}});
    return;
  }
  print_line(context.out, "model",
             fmt::format("{}, {} parameters", name(model.config.family), count_text(parameters)));
  print_line(context.out, "written",
             fmt::format("{}: {}, {}", options.out, format, exact_bytes(bytes)));
}

void report(const ConvertOptions& options, const OpenedNetwork& network,
            const Invocation& context) {
  const std::int64_t bytes = bytes_of(options.out);
  std::int64_t parameters = 0;
  network.weights.for_each(
      [&](const std::string&, const Stored& stored) { parameters += elements(stored.type.shape); });
  const auto operators = network.graph.ops().size();
  if (context.common.json) {
    print_json(context.out, {{"out", options.out},
                             {"format", option_text(options.to)},
                             {"operators", operators},
                             {"parameters", parameters},
                             {"bytes", bytes}});
    return;
  }
  print_line(context.out, "network",
             fmt::format("{} operators, {} parameters", operators, count_text(parameters)));
  print_line(context.out, "written",
             fmt::format("{}: {}, {}", options.out, option_text(options.to), exact_bytes(bytes)));
}

void refuse(bool given, const char* option, const char* what) {
  if (given) throw Error(ErrorKind::usage, option, what, "leave it out");
}

int convert_network(const Source& in, NetworkFormat to, const ConvertOptions& options,
                    const Invocation& context) {
  const char* const no_model = "is about language models; IN is a network";
  refuse(!options.type.empty(), "--type", no_model);
  refuse(options.bits != 0, "--bits", no_model);
  refuse(options.vocabulary != 0, "--vocabulary", no_model);
  refuse(!options.tokenizer.empty(), "--tokenizer", no_model);
  OpenedNetwork network = open_network(in, {shapes_from(options.shapes), options.random_weights});
  if (options.random_weights) randomize_weights(network, context.common.seed);
  fold_weights(network, context.pool());
  save_network(network, to, options.out);
  report(options, network, context);
  return success;
}

int convert_language_model(const Source& in, ModelFormat to, const ConvertOptions& options,
                           const Invocation& context) {
  const char* const no_network = "is about networks; IN is a language model";
  refuse(!options.shapes.empty(), "--shape", no_network);
  refuse(options.random_weights, "--random-weights", no_network);
  WriteOptions write;
  if (!options.type.empty()) write.type = format_from_name(options.type, "--type");
  LanguageModel model = load_language_model(in);
  if (options.vocabulary != 0) model = with_vocabulary(model, options.vocabulary, "--vocabulary");
  write.bits = options.bits;
  write.group = options.group;
  write.pool = &context.pool();
  const TokenizerSource source(in, options.tokenizer, model.config.vocabulary);
  if (to == ModelFormat::gguf) write.metadata = source.metadata();
  else write.token_ids = source.token_ids();
  Progress progress(context.log, steady_clock());
  write.progress = [&](std::string_view tensor, std::size_t done, std::size_t all) {
    if (context.stop)
      throw Error(ErrorKind::cancelled, options.out, "stopped before it was written");
    progress.show(
        [&] { return fmt::format("convert: tensor {} of {}, {}", done + 1, all, tensor); });
  };
  write_language_model(model, to, options.out, write);
  const bool tokenizer = is_folder(to) ? source.copy_into(options.out)
                                       : to == ModelFormat::gguf && source.has_metadata();
  if (!tokenizer)
    context.log.warning(fmt::format("{} has no tokenizer: {}", options.out, source.advice(to)));
  report(options, model, tokenizer, context);
  return success;
}

// Of ONNX the content says little: any text may begin like it.
bool is_surely_network(const Source& in) {
  return in.kind() == FileKind::zoo || in.kind() == FileKind::ncnn ||
         (in.kind() == FileKind::onnx && extension(in.path()) == ".onnx");
}

int run_convert(const ConvertOptions& options, const Invocation& context) {
  check_place(options);
  const Source in(options.in);
  if (const auto* to = std::get_if<NetworkFormat>(&options.to)) {
    if (is_language_model(in.kind()))
      throw Error(ErrorKind::usage, "--to",
                  fmt::format("{}: {} is a language model", option_text(options.to), options.in),
                  "language models become hf, gguf, mlx or llama2c");
    return convert_network(in, *to, options, context);
  }
  if (is_surely_network(in))
    throw Error(ErrorKind::usage, "--to",
                fmt::format("{}: {} is a network", option_text(options.to), options.in),
                "networks become onnx, tflite or pliant");
  return convert_language_model(in, std::get<ModelFormat>(options.to), options, context);
}

}  // namespace

Verb convert_verb() {
  const auto options = std::make_shared<ConvertOptions>();
  Command command{
      .name = "convert",
      .summary = "write a model in another format",
      .description =
          {"IN is a folder (config.json with safetensors, MLX's too), a GGUF file, a "
           "checkpoint of llama2.c or CoreNet, or minGPT's JSON, told by its content. Values that "
           "both formats can hold "
           "keep their bits; what a format has no place for is refused by name. The tokenizer goes "
           "along where the format has room for it.",
           "--type rounds matrices; norms and biases stay F32 in GGUF. Block types (Q8_0, Q4_K "
           "...) are GGUF's alone. --bits quantises for MLX, in groups of --group neighbours along "
           "a row.",
           "--vocabulary drops the rows of embedding and head beyond the vocabulary, with which "
           "training pads it (CoreNet's 32,128 rows of 32,000); a config.json beside the "
           "checkpoint "
           "says the same.",
           "A network (ONNX, a Pliant file, ncnn's text, zoo:NAME) becomes ONNX, TFLite or a "
           "Pliant "
           "file; what depends on weights alone is computed once. In TFLite, inputs and outputs of "
           "rank 4 have their channels last."},
      .arguments = {argument("IN", options->in, "the model").path()},
      .options = {option("to", "FORMAT", options->to,
                         "what to write: a folder (hf, mlx) or a file; of networks onnx, tflite or "
                         "pliant"),
                  option("out", "PATH", options->out, "the folder or file to write")
                      .written()
                      .with_letter('o')
                      .must(),
                  option("type", "TYPE", options->type,
                         fmt::format("type of the matrices (without it they keep theirs): {}",
                                     fmt::join(format_names(), ", "))),
                  option("bits", "N", options->bits, "MLX: bits per weight; 0: as --type says")
                      .with_choices({"0", "4", "8"}),
                  option("group", "N", options->group, "MLX: weights that share a scale")
                      .with_choices({"32", "64", "128"}),
                  option("vocabulary", "TOKENS", options->vocabulary,
                         "tokens to keep; 0: as many as the embedding has rows")
                      .at_least(0),
                  option("tokenizer", "PATH", options->tokenizer,
                         "take the tokenizer from this file or folder")
                      .path(),
                  option("shape", "INPUT=SIZES", options->shapes,
                         "networks: sizes of an input or symbol, as input=1x3x224x224 or batch=4"),
                  flag("random-weights", options->random_weights,
                       "networks: seeded random weights in place of the file's"),
                  flag("force", options->force, "write over what is there")},
      .examples = {
          {"pliant convert folder/ --to gguf --type Q8_0 --out model.gguf",
           "for llama.cpp, in 8 bits"},
          {"pliant convert model.gguf --to hf --out folder/",
           "back to config.json and safetensors"},
          {"pliant convert folder/ --to mlx --bits 4 --group 64 --out mlx/",
           "for mlx-lm, in 4 bits"},
          {"pliant convert checkpoint.pt --to hf --vocabulary 32000 --out folder/",
           "a checkpoint of CoreNet's"},
          {"pliant convert net.pliant --to onnx --out net.onnx", "a network for other tools"},
          {"pliant convert net.onnx --to tflite --out net.tflite", "a network for LiteRT"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_convert(*options, context); }};
}

}  // namespace cli
}  // namespace pliant
