#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "text/load/load.h"

namespace pliant::cli {
namespace {

struct DetokenizeOptions {
  std::string model;
  std::optional<std::string> file, ids;
  bool special = false;
};

// "1,2,3", with blanks anywhere between.
std::vector<TokenId> listed_ids(const std::string& text) {
  std::vector<TokenId> ids;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    if (*at == ',' || *at == ' ' || *at == '\n') {
      ++at;
      continue;
    }
    const auto [next, error] = std::from_chars(at, end, ids.emplace_back());
    if (error != std::errc() || (next != end && *next != ',' && *next != ' ' && *next != '\n'))
      throw Error(ErrorKind::usage, "--ids", fmt::format("'{}' is no list of token ids", text),
                  "--ids 1,2,3");
    at = next;
  }
  return ids;
}

// A JSON list of ids, or what pliant tokenize --json prints.
std::vector<TokenId> ids_of_file(const std::string& path) {
  nlohmann::json json = parse_json(MappedFile(path).text(), path);
  if (json.is_object() && json.contains("ids")) json = nlohmann::json(json["ids"]);
  if (!json.is_array())
    throw Error(ErrorKind::format, path, "is neither a list of ids nor an object with 'ids'");
  std::vector<TokenId> ids;
  for (const auto& id : json) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX)
      throw Error(ErrorKind::format, path, fmt::format("entry {} is no token id", ids.size()));
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

int run_detokenize(const DetokenizeOptions& options, const Invocation& context) {
  const std::vector<TokenId> ids =
      options.ids ? listed_ids(*options.ids) : ids_of_file(*options.file);
  const std::string text = load_tokenizer(options.model)->decode(ids, options.special);
  if (context.common.json) print_json(context.out, {{"text", text}});
  else context.out << text << '\n';
  return success;
}

}  // namespace

Verb detokenize_verb() {
  const auto options = std::make_shared<DetokenizeOptions>();
  Command command{
      .name = "detokenize",
      .summary = "turn token ids back into text",
      .description = {"FILE is anything that pliant tokenize takes. Control tokens are left out "
                      "unless --special is given."},
      .arguments = {argument("FILE", options->model, "a tokenizer, model or folder").path()},
      .options = {option("ids", "LIST", options->ids, "ids with commas between them")
                      .must_unless("--file"),
                  option("file", "JSON", options->file,
                         "a JSON list of ids, or the output of tokenize --json")
                      .path()
                      .excludes("--ids", "there is one list of ids"),
                  flag("special", options->special, "print control tokens as well")},
      .examples = {{"pliant detokenize model.gguf --ids 15496,995", "the text of two tokens"},
                   {"pliant tokenize m.gguf --text Hi --json > ids.json && pliant detokenize "
                    "m.gguf --file ids.json",
                    "there and back"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_detokenize(*options, context); }};
}

}  // namespace pliant::cli
