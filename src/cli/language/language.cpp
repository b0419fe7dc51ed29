#include "cli/language/language.h"

#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <iterator>

#include "command/host.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "eval/speed.h"

namespace pliant::cli {
namespace {

double per_second(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// Of all sequences that are open.
std::int64_t tokens_seen(const lm::Session& session) {
  std::int64_t seen = 0;
  for (const lm::SeqId each : session.sequences()) seen += session.length(each);
  return seen;
}

double tokens_kept(const lm::Session& session) {
  double kept = 0;
  for (const lm::SeqId each : session.sequences()) kept += session.kept(each);
  return kept;
}

}  // namespace

kv::CacheTypes CacheChoice::types() const {
  const kv::CacheType keys = kv::cache_type_from_name(type);
  return {keys, value_type.empty() ? keys : kv::cache_type_from_name(value_type), !unrotated};
}

std::vector<Option> cache_options(CacheChoice& choice) {
  const std::vector<std::string> types{"f32", "f16", "bf16", "int8", "int4"};
  return {option("cache-type", "TYPE", choice.type, "type of the keys and values in the cache")
              .with_choices(types),
          option("value-cache-type", "TYPE", choice.value_type, "type of the values alone")
              .with_choices(types)
              .with_default("that of --cache-type"),
          flag("no-rotation", choice.unrotated,
               "do not turn keys and values of int4 by a Hadamard matrix: less exact")};
}

std::vector<Option> language_options(LanguageOptions& options) {
  std::vector<Option> result{
      option("context", "N", options.context, "room for N tokens, prompt and answer together")
          .at_least(0)
          .known_as({"-c", "--ctx-size"})
          .with_default(fmt::format("the model's, at most {}", lm::default_context)),
      flag("exact-prompts", options.exact_prompts,
           "do not round what weights in blocks are multiplied with to 8 bits in prompts: slower"),
      option("memory-limit", "SIZE", options.memory_limit,
             "refuse to use more memory than SIZE (weights, full cache, working memory)")
          .with_default("none")};
  for (std::vector<Option> each : {keep_options(options.keep), cache_options(options.cache)})
    result.insert(result.begin() + 1, std::make_move_iterator(each.begin()),
                  std::make_move_iterator(each.end()));
  return result;
}

Option trace_option(std::string& file) {
  return option("trace", "FILE", file,
                "write what ran when, on which thread, for chrome://tracing or Perfetto")
      .written();
}

std::vector<Option> sampling_options(lm::GenerateOptions& options) {
  lm::SamplingOptions& sampling = options.sampling;
  return {
      option("tokens", "N", options.tokens,
             "generate at most N tokens; -1: until the model ends or the context is full")
          .at_least(lm::until_the_end)
          .with_letter('n')
          .known_as({"--predict", "--n-predict", "--max-tokens", "--max-new-tokens"}),
      option("temperature", "T", sampling.temperature,
             "0: always the likeliest token; 1: as the model says")
          .known_as({"--temp"}),
      option("top-k", "K", sampling.top_k, "only the K likeliest tokens; 0: all").at_least(0),
      option("top-p", "P", sampling.top_p,
             "only the fewest tokens that together have probability P"),
      option("min-p", "P", sampling.min_p,
             "only tokens at least P times as likely as the likeliest"),
      option("repetition-penalty", "X", sampling.repetition_penalty,
             "above 1: makes tokens just seen less likely")
          .known_as({"--repeat-penalty"}),
      option("presence-penalty", "X", sampling.presence_penalty,
             "lowers the logit of each token just seen by X"),
      option("frequency-penalty", "X", sampling.frequency_penalty,
             "lowers it by X for each time the token was seen"),
      option("penalty-window", "N", sampling.penalty_window, "how far back penalties look; 0: all")
          .at_least(0)
          .known_as({"--repeat-last-n"}),
      option("stop", "TEXT", options.stop, "end before this text"),
      flag("ignore-end", options.ignore_end, "go on after the model's end token")};
}

lm::SessionOptions session_options(const LanguageOptions& options, std::int64_t sequences) {
  lm::SessionOptions session;
  prepare(options.keep, session);
  session.context = options.context;
  session.sequences = sequences;
  session.branches = options.branches;
  session.cache_types = options.cache.types();
  session.memory_limit = options.memory_limit.count;
  session.prefix_bytes = options.prefix_cache.count;
  session.exact_prompts = options.exact_prompts;
  return session;
}

OpenLanguage open_language(const LanguageOptions& options, const Invocation& context,
                           std::int64_t sequences) {
  Progress progress(context.log, steady_clock());
  progress.show([&] { return "loading " + options.model; });
  const lm::SessionOptions session = session_options(options, sequences);
  OpenLanguage language{pliant::open_language(options.model, session, context.pool()),
                        {},
                        0,
                        std::make_unique<TraceFile>(options.trace)};
  language.policy = policy_of(options.keep, *language.session, context.common.seed);
  language.session->trace(language.trace->trace());
  language.seconds = progress.seconds();
  return language;
}

std::vector<TokenId> ids_from_text(std::string_view text, const std::string& place) {
  std::vector<TokenId> ids;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    TokenId id = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (problem != std::errc{} || end != word.data() + word.size())
      throw Error(ErrorKind::usage, place, fmt::format("'{}' is no token id", word),
                  "ids are written 1,2,3");
    ids.push_back(id);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return ids;
}

std::string read_text(const std::string& path) {
  constexpr std::string_view mark = "\xef\xbb\xbf";  // some editors write it before the text
  std::string text =
      path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_file(path);
  if (text.starts_with(mark)) text.erase(0, mark.size());
  return text;
}

Option model_argument(std::string& path) {
  return argument("MODEL", path, "the model").path().known_as({"-m", "--model"});
}

Option image_option(std::vector<std::string>& files) {
  return option("image", "FILE", files,
                "a picture that the model sees: PNG, JPEG or WebP; again for each further one")
      .path();
}

lm::Images read_images(const std::vector<std::string>& files, const OpenLanguage& language,
                       const Invocation& context) {
  lm::Images images;
  if (files.empty()) return images;
  Progress progress(context.log, steady_clock());
  for (const std::string& file : files) {
    progress.show([&] { return "seeing " + file; });
    const MappedFile bytes(file);
    images.push_back(std::make_shared<lm::EncodedImage>(
        language.need_images().encode(decode_image(bytes.bytes(), file), &context.stop)));
  }
  return images;
}

nlohmann::ordered_json stats_json(const OpenLanguage& language, const lm::Generated& generated) {
  const lm::SessionMemory memory = language.session->memory();
  const std::int64_t decoded = std::max<std::int64_t>(std::ssize(generated.ids) - 1, 0);
  return {
      {"load_seconds", language.seconds},
      {"first_token_seconds", generated.prompt_seconds},
      {"prompt_tokens", generated.prompt_tokens},
      {"prompt_tokens_per_second", per_second(generated.prompt_tokens, generated.prompt_seconds)},
      {"decode_tokens", decoded},
      {"decode_tokens_per_second", per_second(decoded, generated.decode_seconds)},
      {"token_seconds_p50", eval::median(generated.token_seconds)},
      {"token_seconds_p99", eval::percentile(generated.token_seconds, 0.99)},
      {"peak_rss_bytes", peak_resident_bytes()},
      {"weight_bytes", memory.weights},
      {"cache_bytes", memory.cache},
      {"cache_touched_bytes", memory.cache_touched},
      {"cache_resident_bytes", memory.cache_used},
      {"seen_tokens", tokens_seen(*language.session)},
      {"kept_tokens", tokens_kept(*language.session)},
      {"arena_bytes", memory.arena}};
}

std::string stats_line(const OpenLanguage& language, const lm::Generated& generated) {
  const lm::SessionMemory memory = language.session->memory();
  const std::int64_t decoded = std::max<std::int64_t>(std::ssize(generated.ids) - 1, 0);
  return fmt::format(
      "{} prompt tokens at {:.1f}/s, {} tokens at {:.1f}/s; weights {}, cache {} of {}, arena {}, "
      "peak {}",
      generated.prompt_tokens, per_second(generated.prompt_tokens, generated.prompt_seconds),
      decoded, per_second(decoded, generated.decode_seconds), bytes_text(memory.weights),
      bytes_text(memory.cache_touched), bytes_text(memory.cache), bytes_text(memory.arena),
      bytes_text(peak_resident_bytes()));
}

}  // namespace pliant::cli
