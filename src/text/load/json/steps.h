// The parts of tokenizer.json that carry a "type": normalisers, pre-tokenisers, post-processors,
// decoders. For load_json.cpp and its kin alone: it brings the JSON library's header.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "text/pipeline.h"

namespace pliant::text {

[[noreturn]] void refuse(const JsonNode& part, const std::string& what);  // Error{unsupported}

std::shared_ptr<const Normalizer> normalizer_of(const JsonNode& part);

struct PreTokenizer {
  Splitters splitters;
  bool bytes = false;  // the last step writes words in the byte alphabet: left to the model
  bool space_prefix = false;
  std::vector<std::string> patterns;  // of the isolating cuts, if nothing else is done
  bool plain = true;                  // nothing else is done
};
void add_pre_tokenizer(const JsonNode& part, bool last, PreTokenizer& made);

struct PostProcessor {
  std::vector<TokenId> prefix, suffix;
};
PostProcessor post_processor_of(const JsonNode& part, const Vocabulary& vocabulary);

// What a decoder makes of each piece, and whether the whole text loses its first space.
struct Decoder {
  std::vector<std::string> texts;
  bool drop_first_space = false;
};
Decoder decoder_of(const std::optional<JsonNode>& part, const Vocabulary& vocabulary);

}  // namespace pliant::text
