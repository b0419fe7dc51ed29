#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "text/load/load.h"

namespace pliant::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::optional<std::string> file, text;
  bool no_special = false, pieces = false;
};

// Pieces of byte-level vocabularies are characters; a piece that is no UTF-8 is mended by
// print_json.
std::vector<std::string> pieces_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::vector<std::string> pieces;
  for (const TokenId id : ids) pieces.push_back(tokenizer.piece(id));
  return pieces;
}

int run_tokenize(const TokenizeOptions& options, const Invocation& context) {
  const auto tokenizer = load_tokenizer(options.model);
  const std::string text = options.text ? *options.text : read_file(*options.file);
  const std::vector<TokenId> ids = tokenizer->encode(
      text, {.add_special = !options.no_special, .parse_special = !options.no_special});
  if (context.common.json) {
    nlohmann::ordered_json json{{"ids", ids}};
    if (options.pieces) json["pieces"] = pieces_of(*tokenizer, ids);
    print_json(context.out, json);
  } else if (options.pieces) {
    for (const TokenId id : ids)
      context.out << fmt::format("{:>7}  {}\n", id, tokenizer->piece(id));
  } else {
    context.out << fmt::format("{}\n", fmt::join(ids, " "));
  }
  return success;
}

}  // namespace

Verb tokenize_verb() {
  const auto options = std::make_shared<TokenizeOptions>();
  Command command{
      .name = "tokenize",
      .summary = "turn a text into the token ids of a model",
      .description =
          {"FILE is anything that holds a tokenizer: a GGUF file, tokenizer.json, tokenizer.model, "
           "vocab.json beside merges.txt, a tokenizer of llama2.c, or a folder or model file with "
           "one of them beside it. Control tokens in the text are recognised, and those that the "
           "model was trained with put around it, unless --no-special is given."},
      .arguments = {argument("FILE", options->model, "a tokenizer, model or folder").path()},
      .options = {option("file", "TEXT", options->file, "a file with the text")
                      .path()
                      .must_unless("--text"),
                  option("text", "TEXT", options->text, "the text")
                      .excludes("--file", "there is one text"),
                  flag("no-special", options->no_special,
                       "neither add nor recognise control tokens"),
                  flag("pieces", options->pieces, "print the piece of each id as well")},
      .examples = {
          {"pliant tokenize model.gguf --text \"Hello world\"", "the ids of two words"},
          {"pliant tokenize folder/ --file book.txt --json", "ids of a file, for a script"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_tokenize(*options, context); }};
}

}  // namespace pliant::cli
