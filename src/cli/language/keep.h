// What the cache of a language model keeps, as options say it.
#pragma once

#include <string>
#include <vector>

#include "command/verb.h"
#include "lm/session.h"

namespace pliant::cli {

inline constexpr double not_given = -1;

struct KeepChoice {
  std::string policy;       // empty: all, or with `window` that
  double keep = not_given;  // share of the tokens
  Bytes bytes;              // of the cache's pages; 0: what all contexts take
  std::int64_t sinks = 4, window = 0;
};

std::vector<Option> keep_options(KeepChoice& choice);
// Throws Error{usage} for options that do not go together, or a share outside (0, 1].
void check(const KeepChoice& choice);
bool compresses(const KeepChoice& choice);  // some tokens go
// What a session needs for it.
void prepare(const KeepChoice& choice, lm::SessionOptions& options);
// For a session that is open: its pages bound what policies keep if bytes were given. Throws
// Error{usage} where they are too few for what a policy keeps whatever its score.
kv::Policy policy_of(const KeepChoice& choice, const lm::Session& session, std::uint64_t seed);

}  // namespace pliant::cli
