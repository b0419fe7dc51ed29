// Tokenizers of the SentencePiece family, from whatever file describes them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/load/assemble.h"

namespace pliant::text {

struct SentencePieceSource {
  bool unigram = false;  // else BPE by scores
  std::vector<PieceEntry> entries{};
  std::string charsmap{};
  SentencePieceNormalization normalization{};
  bool byte_fallback = false;
  std::string unknown_text = " \xE2\x81\x87 ";  // what the unknown token decodes to
  // User-defined pieces are found before anything else (as GGUF files are read), not by the model
  // after normalisation.
  bool whole_before = false;
  std::vector<AddedToken> added{};  // beyond control tokens
};

// Everything but the choice of special tokens. Throws Error{format}.
std::unique_ptr<Parts> sentencepiece_parts(SentencePieceSource source, std::string_view place);

}  // namespace pliant::text
