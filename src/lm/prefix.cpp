#include "lm/prefix.h"

#include <algorithm>

namespace pliant::lm {

std::int64_t rewind(Session& session, SeqId sequence, std::span<const TokenId> tokens) {
  const std::span<const TokenId> known = session.tokens(sequence);
  const auto differs = std::ranges::mismatch(known, tokens).in1;
  std::int64_t length = std::min<std::int64_t>(differs - known.begin(),
                                               std::max<std::int64_t>(std::ssize(tokens) - 1, 0));
  if (length < session.least_length(sequence)) length = 0;
  session.truncate(sequence, length);
  return length;
}

}  // namespace pliant::lm
