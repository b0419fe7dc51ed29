#include "lm/prefix.h"

#include <algorithm>

namespace pliant::lm {

namespace {

// What can be kept of the sequence for `tokens`.
std::int64_t common(const Session& session, SeqId sequence, std::span<const TokenId> tokens) {
  const std::span<const TokenId> known = session.tokens(sequence);
  const auto differs = std::ranges::mismatch(known, tokens).in1;
  const std::int64_t length =
      std::min<std::int64_t>(differs - known.begin(), std::max<std::int64_t>(std::ssize(tokens) - 1, 0));
  return length < session.least_length(sequence) ? 0 : length;
}

}  // namespace

Prefix longest_prefix(const Session& session, std::span<const TokenId> tokens) {
  Prefix best;
  for (const SeqId id : session.sequences())
    if (const std::int64_t length = common(session, id, tokens); length > best.length) best = {id, length};
  return best;
}

std::int64_t rewind(Session& session, SeqId sequence, std::span<const TokenId> tokens) {
  const std::int64_t length = common(session, sequence, tokens);
  session.truncate(sequence, length);
  return length;
}

}  // namespace pliant::lm
