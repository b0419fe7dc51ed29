// Training of SentencePiece models by the SentencePiece library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

struct SentencePieceTraining {
  bool unigram = false;  // else BPE
  std::int64_t size = 32000;
  std::vector<std::string> special{};  // control tokens, besides <unk>, <s> and </s>
  double coverage = 0.9995;            // of the corpus's characters; the others become bytes
};

// The bytes of a tokenizer.model with byte fallback, digits apart and no normalisation (the rules
// of Llama's). One sentence per line of the corpus. Throws Error{invalid} with the library's
// message.
std::string train_sentencepiece(std::string_view corpus, const SentencePieceTraining& options);

}  // namespace pliant
