// What tests of generation begin with: the tiny model's vocabulary, and options that take the
// likeliest token.
#pragma once

#include <string>
#include <vector>

#include "lm/decode/vocabulary.h"
#include "lm/stream.h"

namespace pliant::lm {

// As many pieces as the tiny model's vocabulary of 512: the bytes, then pairs of letters.
inline ListTokenizer vocabulary() {
  std::vector<std::string> pieces = all_bytes();
  for (int i = 0; pieces.size() < 511; ++i)
    pieces.push_back({static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26)});
  return ListTokenizer(std::move(pieces));
}

inline GenerateOptions greedy(std::int64_t tokens) {
  GenerateOptions options;
  options.tokens = tokens;
  options.sampling.temperature = 0;
  options.ignore_end = true;
  return options;
}

}  // namespace pliant::lm
