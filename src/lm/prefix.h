// Prefix reuse: what a session has already computed of a text.
#pragma once

#include "lm/session.h"

namespace pliant::lm {

struct Prefix {
  SeqId sequence = -1;      // -1: no open sequence begins as the text does
  std::int64_t length = 0;  // tokens in common
};

// The open sequence that has the longest beginning in common with `tokens`; of equals the one with the lowest id. Never
// all of `tokens`: the last one is left to be run, for its logits.
Prefix longest_prefix(const Session& session, std::span<const TokenId> tokens);

// Truncates the sequence to what it has in common with `tokens` (to nothing if its policy has dropped entries that are
// needed) and says how much that is. The tokens behind are fed next.
std::int64_t rewind(Session& session, SeqId sequence, std::span<const TokenId> tokens);

}  // namespace pliant::lm
