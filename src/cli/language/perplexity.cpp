#include "eval/perplexity.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/language/language.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/log/progress.h"

namespace pliant::cli {
namespace {

struct PerplexityVerbOptions {
  LanguageOptions language;
  eval::PerplexityOptions perplexity;
  std::string file;
};

int run_perplexity(const PerplexityVerbOptions& options, const Invocation& context) {
  const OpenLanguage language = open_language(options.language, context);
  const std::string text = read_text(options.file);
  EncodeOptions how;
  how.parse_special = false;
  const std::vector<TokenId> ids = language.need_tokenizer().encode(text, how);
  eval::PerplexityOptions windows = options.perplexity;
  windows.policy = language.policy;
  Progress progress(context.log, steady_clock());
  const auto count = std::ssize(ids) - 1;
  const eval::Perplexity found =
      eval::perplexity(*language.session, ids, windows, [&](std::int64_t done) {
        progress.show([&] { return fmt::format("perplexity: {} of {} tokens", done, count); });
        return !context.stop;
      });
  const bool whole = found.tokens == count;
  const double per_byte = found.nll / std::log(2.0) / static_cast<double>(text.size());
  if (context.common.json) {
    nlohmann::ordered_json json{{"tokens", found.tokens},
                                {"nll", found.nll},
                                {"nll_per_token", found.per_token()},
                                {"perplexity", std::exp(found.per_token())},
                                {"bytes", text.size()},
                                {"seconds", progress.seconds()}};
    json["bits_per_byte"] = whole ? nlohmann::ordered_json(per_byte) : nlohmann::ordered_json();
    print_json(context.out, json);
    return whole ? success : failure;
  }
  print_line(context.out, "tokens", fmt::format("{} of {} predicted", found.tokens, count));
  print_line(context.out, "nll", fmt::format("{:.6f} per token", found.per_token()));
  print_line(context.out, "perplexity", fmt::format("{:.4f}", std::exp(found.per_token())));
  if (whole) print_line(context.out, "bits/byte", fmt::format("{:.4f}", per_byte));
  else context.log.warning("stopped early: the figures are of the beginning");
  return whole ? success : failure;
}

}  // namespace

Verb perplexity_verb() {
  const auto options = std::make_shared<PerplexityVerbOptions>();
  Command command{
      .name = "perplexity",
      .summary = "how well a language model predicts a text",
      .description =
          {"Every token of the text but the first is predicted once from those before it in its "
           "window. With --json: tokens (predicted), nll (sum of their negative log-likelihoods, "
           "natural logarithm), perplexity = exp(nll / tokens), bits_per_byte = nll / ln 2 / bytes "
           "of the text. With --cache POLICY each 64 tokens are a prompt, after which it chooses "
           "what the next are predicted from."},
      .arguments = {model_argument(options->language.model)},
      .options =
          {option("file", "FILE", options->file, "the text; -: standard input").path().must(),
           option("text-window", "N", options->perplexity.window, "tokens seen at once")
               .at_least(0)
               .with_default("the context"),
           option("stride", "N", options->perplexity.stride,
                  "tokens from one window to the next; a smaller step predicts each token "
                  "from more context")
               .at_least(0)
               .with_default("the window")},
      .examples = {
          {"pliant perplexity model.gguf --file text.txt", "a whole file"},
          {"pliant perplexity folder --file text.txt --text-window 512 --stride 256 --json",
           "with overlap"},
          {"pliant perplexity model.gguf --file text.txt --cache elastic --keep 0.3",
           "what a smaller cache costs"}}};
  for (Option& each : language_options(options->language))
    command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_perplexity(*options, context); }};
}

}  // namespace pliant::cli
