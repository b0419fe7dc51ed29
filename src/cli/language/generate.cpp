#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "cli/language/language.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "lm/chat/guides.h"

namespace pliant::cli {
namespace {

struct GenerateVerbOptions {
  LanguageOptions language;
  lm::GenerateOptions generate;
  std::string prompt, file, ids, grammar, schema, draft;
  std::vector<std::string> images;
  bool plain = false, lookup = false;
};

// A text without a marker has the images before it.
std::string with_images(std::string text, const OpenLanguage& language, const lm::Images& images) {
  const VlmConfig& config = language.need_images().config();
  const std::string& marker = lm::image_marker(language.need_tokenizer(), config);
  if (text.find(marker) == std::string::npos)
    for (std::size_t i = 0; i < images.size(); ++i) text.insert(0, marker + "\n");
  return lm::with_images(text, marker, config.family, images);
}

std::vector<TokenId> prompt_of(const GenerateVerbOptions& options, const OpenLanguage& language,
                               const lm::Images& images) {
  if (!options.ids.empty()) return ids_from_text(options.ids, "--ids");
  std::string text = options.file.empty() ? options.prompt : read_text(options.file);
  if (language.images && !options.plain) text = with_images(std::move(text), language, images);
  std::vector<TokenId> ids = language.need_tokenizer().encode(
      text, {.add_special = true, .parse_special = !options.plain});
  if (ids.empty())
    throw Error(ErrorKind::usage, "--prompt",
                "is empty, and the model has no token that begins a text");
  return ids;
}

std::unique_ptr<lm::TokenFilter> filter_of(const GenerateVerbOptions& options,
                                           const OpenLanguage& language) {
  const bool schema = options.grammar.empty();
  const std::string& given = schema ? options.schema : options.grammar;
  if (given.empty()) return nullptr;
  const std::string kind = schema ? "json-schema" : "grammar";
  std::error_code no_file;  // as of text that is too long for a name
  const bool in_place = given.find(schema ? "{" : "::=") != std::string::npos &&
                        !std::filesystem::exists(given, no_file);
  return lm::make_filter(kind, in_place ? given : read_text(given), in_place ? "--" + kind : given,
                         language.need_tokenizer());
}

nlohmann::ordered_json logprobs_json(const lm::Generated& generated) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < generated.logprobs.size(); ++i) {
    auto top = nlohmann::ordered_json::array();
    for (const lm::TokenLogprob& each : generated.logprobs[i].top)
      top.push_back({{"id", each.id}, {"logprob", each.logprob}});
    list.push_back(
        {{"id", generated.ids[i]}, {"logprob", generated.logprobs[i].chosen}, {"top", top}});
  }
  return list;
}

nlohmann::ordered_json images_json(const std::vector<std::string>& files,
                                   const lm::Images& images) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < images.size(); ++i)
    list.push_back({{"file", files[i]},
                    {"tokens", images[i]->count},
                    {"frames", images[i]->frame_rows * images[i]->columns + 1}});
  return list;
}

// What guesses tokens ahead, and what it stands on.
struct Guesser {
  OpenLanguage draft;
  std::unique_ptr<lm::Proposer> proposer;
};

Guesser guesser_of(const GenerateVerbOptions& options, const OpenLanguage& language,
                   const Invocation& context) {
  Guesser guesser;
  if (options.lookup) guesser.proposer = lm::make_proposer("lookup");
  if (options.draft.empty()) return guesser;
  LanguageOptions smaller = options.language;
  smaller.model = options.draft;
  smaller.trace.clear();
  smaller.branches = 0;
  guesser.draft = open_language(smaller, context);
  guesser.proposer = lm::make_proposer(
      "draft", {guesser.draft.session.get(), guesser.draft.policy, options.generate.sampling},
      language.session->config().vocabulary);
  return guesser;
}

int run_generate(GenerateVerbOptions& options, const Invocation& context) {
  options.generate.sampling.seed = static_cast<std::uint64_t>(context.common.seed);
  options.language.branches = options.generate.draft_branches - 1;
  OpenLanguage language = open_language(options.language, context);
  const Guesser guesser = guesser_of(options, language, context);
  options.generate.proposer = guesser.proposer.get();
  const std::unique_ptr<lm::TokenFilter> filter = filter_of(options, language);
  if (options.plain && !options.images.empty())
    throw Error(ErrorKind::usage, "--plain", "the prompt's image markers would be ordinary text",
                "leave --plain or --image out");
  const lm::Images images = read_images(options.images, language, context);
  std::vector<TokenId> tokens = prompt_of(options, language, images);
  std::optional<lm::ImagePrompt> prompt;
  if (!images.empty()) prompt.emplace(language.images->config(), tokens, images);
  const lm::SeqId sequence = language.session->open(language.policy);
  const bool stream = !context.common.json;
  const lm::Show show = [&](std::string_view text) {
    if (stream) context.out << text << std::flush;
    return true;
  };
  const Tokenizer* tokenizer = language.tokenizer.get();
  const lm::Generated generated =
      prompt ? lm::generate(*language.session, sequence, tokenizer, prompt->tokens,
                            prompt->behind(0, language.session->edits(sequence)), options.generate,
                            filter.get(), show, &context.stop)
             : lm::generate(*language.session, sequence, tokenizer, tokens, options.generate,
                            filter.get(), show, &context.stop);
  language.trace->write();
  if (context.common.json) {
    nlohmann::ordered_json json{{"text", generated.text},
                                {"token_ids", generated.ids},
                                {"finish", lm::name(generated.finish)},
                                {"stats", stats_json(language, generated)}};
    if (!images.empty()) json["images"] = images_json(options.images, images);
    if (guesser.proposer)
      json["speculation"] = {{"runs", generated.speculation.runs},
                             {"proposed", generated.speculation.proposed},
                             {"accepted", generated.speculation.accepted}};
    if (options.generate.logprobs >= 0) json["logprobs"] = logprobs_json(generated);
    print_json(context.out, json);
    return success;
  }
  if (!language.tokenizer) context.out << fmt::format("{}", fmt::join(generated.ids, ","));
  context.out << '\n' << std::flush;
  if (generated.finish == lm::Finish::context)
    context.log.warning("the context is full: --context or --window give more room");
  context.log.info(stats_line(language, generated));
  return success;
}

}  // namespace

Verb generate_verb() {
  const auto options = std::make_shared<GenerateVerbOptions>();
  options->generate.sampling.temperature = 0.8;
  options->generate.sampling.top_p = 0.95;
  options->generate.logprobs = -1;
  constexpr const char* one_prompt = "there is one prompt";
  Command command{
      .name = "generate",
      .summary = "continue a text with a language model",
      .description =
          {"MODEL is a GGUF file, a checkpoint of llama2.c or CoreNet, or a folder with "
           "config.json, "
           "safetensors and a tokenizer. The text that follows the prompt is printed as "
           "it is made. The same seed gives the same text at any number of threads.",
           "With --json: text, token_ids, finish (end_token, stop_string, tokens, "
           "context, interrupted) and stats (seconds, tokens per second, the median and "
           "99th percentile of a decoded token's time, bytes; cache_bytes are taken "
           "when the context is full, cache_touched_bytes were at the most so far, "
           "cache_resident_bytes are held at the end, by kept_tokens of the seen_tokens "
           "in the mean over KV heads).",
           "With --image, of a vision-language model's folder (LLaVA, Idefics 3, SmolVLM): each "
           "<image> in the prompt is one picture, in order; a prompt without any has them before "
           "it.",
           "With --cache POLICY a prompt leaves a share of its tokens in the cache: "
           "--keep R, or what --cache-bytes has room for. elastic: those that are given "
           "the most attention, which stand for the others too; h2o, snapkv and prefixkv "
           "choose as the papers of these names do, expected as Expected Attention, kvzip as "
           "KVzip, which reads each prompt twice; value-aware weighs attention by what the "
           "model makes of a value; elastic-published as Elastic Cache's "
           "released program does, with its faults; random: any. Speculation "
           "guesses nothing then."},
      .arguments = {model_argument(options->language.model)},
      .options =
          {option("prompt", "TEXT", options->prompt, "what to continue").with_letter('p'),
           option("file", "FILE", options->file, "read the prompt from FILE; -: standard input")
               .path()
               .known_as({"-f"})
               .excludes("--prompt", one_prompt),
           option("ids", "IDS", options->ids, "the prompt as token ids: 1,2,3")
               .excludes("--prompt", one_prompt)
               .excludes("--file", one_prompt),
           image_option(options->images),
           flag("plain", options->plain,
                "read names of control tokens in the prompt as ordinary text"),
           option("grammar", "FILE", options->grammar,
                  "only text that this GBNF grammar allows: a file, or the rules themselves")
               .path()
               .known_as({"--grammar-file"}),
           option("json-schema", "FILE", options->schema,
                  "only JSON that fits this schema: a file, or the {...} itself")
               .path()
               .known_as({"--json-schema-file"})
               .excludes("--grammar", "the schema is a grammar of its own"),
           flag("lookup", options->lookup,
                "guess tokens from repetitions in the text: faster, the same text"),
           option("draft", "MODEL", options->draft, "guess tokens with this smaller model: faster")
               .path()
               .excludes("--lookup", "one of them guesses"),
           option("draft-tokens", "N", options->generate.draft_tokens,
                  "tokens guessed at a time, at most: fewer where fewer come true")
               .within(0, lm::default_decode_rows - 1),
           option("draft-branches", "N", options->generate.draft_branches,
                  "continuations guessed side by side, at most: a tree of --draft-tokens tokens")
               .within(1, lm::default_decode_rows - 1),
           option(
               "logprobs", "N", options->generate.logprobs,
               "with --json: log-probabilities of each token and of the N likeliest in its place")
               .at_least(0)
               .with_default("none")},
      .examples = {
          {"pliant generate model.gguf -p 'Once upon a time'", "a story"},
          {"pliant generate folder -p 'The capital of France is' -n 8 --temperature 0 --json",
           "for a script"},
          {"pliant generate model.gguf -p 'A person:' --json-schema person.json",
           "JSON that fits a schema"},
          {"pliant generate model.gguf --file code.txt --lookup --draft-tokens 8 --draft-branches "
           "3",
           "what followed at up to three earlier places is verified at once"},
          {"pliant generate model.gguf --file long.txt --cache elastic --keep 0.2",
           "from a fifth of the prompt's cache"},
          {"pliant generate model.gguf --file long.txt --cache elastic --cache-bytes 64MiB",
           "from what fits into 64 MiB"},
          {"pliant generate vlm --image a.png -p 'USER: <image> What is it? ASSISTANT:' --json",
           "about a picture"},
      }};
  for (Option& each : sampling_options(options->generate))
    command.options.push_back(std::move(each));
  for (Option& each : language_options(options->language))
    command.options.push_back(std::move(each));
  command.options.push_back(trace_option(options->language.trace));
  return {std::move(command),
          [options](const Invocation& context) { return run_generate(*options, context); }};
}

}  // namespace pliant::cli
