#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/language/language.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "formats/npy/npy.h"

namespace pliant::cli {
namespace {

struct LogitsOptions {
  LanguageOptions language;
  std::string ids, text, out;
};

int run_logits(const LogitsOptions& options, const Invocation& context) {
  const OpenLanguage language = open_language(options.language, context);
  const std::vector<TokenId> ids = options.text.empty()
                                       ? ids_from_text(options.ids, "--ids")
                                       : language.need_tokenizer().encode(options.text);
  const std::int64_t vocabulary = language.session->config().vocabulary;
  const Tensor logits({DType::f32, {std::ssize(ids), vocabulary}});
  const TensorView view = logits.view();
  language.session->feed(language.session->open(language.policy), ids, &view);
  if (!options.out.empty()) write_file(options.out, npy_bytes(view));
  std::vector<std::int64_t> likeliest;
  for (std::int64_t i = 0; i < std::ssize(ids); ++i) {
    const float* row = view.as<float>() + i * vocabulary;
    likeliest.push_back(std::max_element(row, row + vocabulary) - row);
  }
  if (context.common.json) {
    nlohmann::ordered_json json{{"ids", ids}, {"shape", view.type.shape}, {"likeliest", likeliest}};
    if (!options.out.empty()) json["out"] = options.out;
    print_json(context.out, json);
    return success;
  }
  print_line(context.out, "logits",
             to_string(view.type) + (options.out.empty() ? "" : " written to " + options.out));
  print_line(context.out, "likeliest", fmt::format("{}", fmt::join(likeliest, ",")));
  return success;
}

}  // namespace

Verb logits_verb() {
  const auto options = std::make_shared<LogitsOptions>();
  Command command{
      .name = "logits",
      .summary = "compute a language model's scores for each next token of a text",
      .description = {"Writes an array f32 [ids, vocabulary] for NumPy: row i is about the token "
                      "after id i. Prints the likeliest token of each row."},
      .arguments = {model_argument(options->language.model)},
      .options =
          {option("ids", "IDS", options->ids, "token ids: 1,2,3").must_unless("--text"),
           option("text", "TEXT", options->text, "a text, in place of ids")
               .excludes("--ids", "it is turned into ids"),
           option("out", "FILE", options->out, "write the array to this .npy file").written()},
      .examples = {{"pliant logits model.gguf --ids 1,2,3 --out x.npy",
                    "for comparison with another program"}}};
  for (Option& each : language_options(options->language))
    command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_logits(*options, context); }};
}

}  // namespace pliant::cli
