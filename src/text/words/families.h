// The pre-tokenisation families of byte-level BPE, as GGUF files name them (tokenizer.ggml.pre).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::text {

struct TokenizerFamily {
  std::vector<std::string_view> names;  // the first is the one we write
  // applied one after the other, each isolating its matches
  std::vector<std::string_view> patterns;
  bool nfc = false;          // the text is brought into this form first
  bool whole_words = false;  // a word that is a piece is not built from merges
  bool add_bos = false;      // where the file does not say
};

extern const std::string_view gpt2_pattern;

const TokenizerFamily* find_family(std::string_view name);  // null if unknown
// The family that cuts with these patterns; null if none does.
const TokenizerFamily* find_family(std::span<const std::string> patterns, bool nfc,
                                   bool whole_words);
std::span<const TokenizerFamily> families();

}  // namespace pliant::text
