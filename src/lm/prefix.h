// Prefix reuse: what a session has already computed of a text.
#pragma once

#include "lm/session.h"

namespace pliant::lm {

// Truncates the sequence to what it has in common with `tokens` (to nothing if its policy has
// dropped entries that are needed) and says how much that is. The tokens behind are fed next.
std::int64_t rewind(Session& session, SeqId sequence, std::span<const TokenId> tokens);

}  // namespace pliant::lm
