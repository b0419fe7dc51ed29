// A saved sequence of a session: its tokens and the state of its cache. docs/formats.md, "Saved
// sequence".
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace pliant::lm {

struct Saved {
  std::vector<TokenId> tokens;
  std::span<const std::byte> cache;  // within the bytes that were read
};

std::vector<std::byte> saved_bytes(std::span<const TokenId> tokens,
                                   std::span<const std::byte> cache);
// Throws Error{format}, also for an id outside [0, vocabulary).
Saved read_saved(std::span<const std::byte> bytes, std::int64_t vocabulary);

}  // namespace pliant::lm
