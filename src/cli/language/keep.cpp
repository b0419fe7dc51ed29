#include "cli/language/keep.h"

#include <fmt/format.h>

#include "core/error.h"
#include "machine/native/kv/policies/compression.h"

namespace pliant::cli {
namespace {

[[noreturn]] void misused(const char* option, std::string problem, std::string advice) {
  throw Error(ErrorKind::usage, option, std::move(problem), std::move(advice));
}

bool chooses(const std::string& policy) {
  return !policy.empty() && policy != "full" && policy != "window";
}

// Of a policy that keeps less than all: the share is given, or there are bytes to fill.
double share(const KeepChoice& choice) { return choice.keep == not_given ? 1 : choice.keep; }

kv::Room room_of(const KeepChoice& choice, const lm::SessionMemory& memory) {
  if (choice.bytes.count == 0) return {};
  return {memory.cache_entries, memory.chains, memory.widest_layer};
}

}  // namespace

std::vector<Option> keep_options(KeepChoice& choice) {
  return {
      option("cache", "POLICY", choice.policy,
             "which tokens the cache keeps: all, the first and last (--window), or a share of them")
          .with_choices({"full", "window", "elastic", "elastic-published", "h2o", "snapkv",
                         "value-aware", "expected", "kvzip", "prefixkv", "random"})
          .with_default("full; window with --window"),
      option("keep", "R", choice.keep,
             "with --cache: the share of the tokens that is kept, above 0; 1: all")
          .with_default("what --cache-bytes has room for"),
      option("cache-bytes", "SIZE", choice.bytes,
             "memory for the cache; with --cache POLICY it keeps what fits")
          .with_default("what the context takes"),
      option("window", "N", choice.window,
             "remember the last N tokens and the first ones (--sinks) only; 0: remember all")
          .at_least(0),
      option("sinks", "N", choice.sinks,
             "with --window: the first N tokens, which are remembered too")
          .at_least(0)};
}

void check(const KeepChoice& choice) {
  const bool window = choice.window > 0;
  if (choice.policy == "window" && !window)
    misused("--cache", "window: of how many tokens is not said", "give --window N");
  if (window && choice.policy != "window" && !choice.policy.empty())
    misused("--window", fmt::format("does not go with --cache {}", choice.policy),
            "leave one of the two out");
  const bool shared = choice.keep != not_given;
  if (shared && !(choice.keep > 0 && choice.keep <= 1))
    misused("--keep", fmt::format("{} is no share in (0, 1]", choice.keep), "give 0.2, say");
  if (!chooses(choice.policy)) {
    if (shared && choice.keep != 1)
      misused("--keep", fmt::format("{}: no policy says which tokens", choice.keep),
              "give --cache elastic");
    return;
  }
  if (!shared && choice.bytes.count == 0)
    misused("--cache", fmt::format("{}: how much it keeps is not said", choice.policy),
            "give --keep 0.2, say, or --cache-bytes 64MiB");
  if (!shared && choice.policy == "elastic-published")
    misused("--cache", "elastic-published: keeps a share, whatever it takes",
            "give --keep 0.2, say");
}

bool compresses(const KeepChoice& choice) {
  return chooses(choice.policy) && (choice.keep != 1 || choice.bytes.count > 0);
}

void prepare(const KeepChoice& choice, lm::SessionOptions& options) {
  check(choice);
  options.cache_bytes = choice.bytes.count;
  options.by_layer = compresses(choice);
  options.by_query_head = compresses(choice) && choice.policy == "value-aware";
}

kv::Policy policy_of(const KeepChoice& choice, const lm::Session& session, std::uint64_t seed) {
  check(choice);
  if (choice.window > 0) return kv::sink_window(choice.sinks, choice.window);
  const double keep = share(choice);
  if (!compresses(choice)) return kv::full();
  const kv::Room room = room_of(choice, session.memory());
  if (choice.policy == "elastic") return kv::elastic(keep, room);
  if (choice.policy == "elastic-published") return kv::published_elastic({.drop = 1 - keep});
  if (choice.policy == "h2o") return kv::heavy_hitters(keep, room);
  if (choice.policy == "snapkv") return kv::last_rows(keep, 32, room);
  if (choice.policy == "value-aware") return kv::value_aware(keep, session.output_forms(), room);
  if (choice.policy == "expected") return kv::expected_attention(keep, session.expectation(), room);
  if (choice.policy == "kvzip") return kv::replayed_prompt(keep, room);
  if (choice.policy == "prefixkv") return kv::prefix_layers(keep, room);
  if (choice.policy == "random") return kv::random_tokens(keep, seed, room);
  return kv::full();
}

}  // namespace pliant::cli
