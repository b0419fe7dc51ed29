// SentencePiece training, if this build has it: in a process of its own, since the library brings a
// protobuf that does not live beside ONNX's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant::cli {

struct SentencePieceJob {
  std::string corpus, out;  // paths: a text, and the tokenizer.model to write
  bool unigram = false;
  std::int64_t size = 0;
  std::vector<std::string> special;
};

// Runs pliant-sentencepiece, which stands beside this program. Throws Error{invalid} with the
// library's message, Error{not_found} without the program, Error{unsupported} in builds without
// SentencePiece, Error{cancelled} if it was ended by a signal.
void run_sentencepiece(const SentencePieceJob& job);

}  // namespace pliant::cli
