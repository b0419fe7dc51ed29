// The parts of tokenizer.json that carry a "type": normalisers, pre-tokenisers, post-processors, decoders. For
// load_json.cpp and its kin alone: it brings the JSON library's header.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "text/pipeline.h"

namespace pliant::text {

// A JSON object that says where it stands; every look-up of another type than asked is an Error{format} naming the key.
class JsonPart {
 public:
  JsonPart(const nlohmann::json& json, std::string path, std::string_view place);

  const nlohmann::json& json() const { return *json_; }
  const std::string& path() const { return path_; }
  bool has(std::string_view key) const;  // present and not null
  std::string text(std::string_view key) const;
  std::string text(std::string_view key, std::string otherwise) const { return has(key) ? text(key) : otherwise; }
  bool truth(std::string_view key, bool otherwise) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  JsonPart part(std::string_view key) const;
  std::vector<JsonPart> parts(std::string_view key) const;  // an array of objects
  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;
  [[noreturn]] void refuse(const std::string& what) const;  // Error{unsupported}
  std::string place() const { return place_ + ": " + path_; }

 private:
  const nlohmann::json& at(std::string_view key, std::string_view wanted) const;
  const nlohmann::json* json_;
  std::string path_, place_;
};

std::shared_ptr<const Normalizer> normalizer_of(const JsonPart& part);

struct PreTokenizer {
  Splitters splitters;
  bool bytes = false;  // the last step writes words in the byte alphabet: left to the model
  bool space_prefix = false;
  std::vector<std::string> patterns;  // of the isolating cuts, if nothing else is done
  bool plain = true;                  // nothing else is done
};
void add_pre_tokenizer(const JsonPart& part, bool last, PreTokenizer& made);

struct PostProcessor {
  std::vector<TokenId> prefix, suffix;
};
PostProcessor post_processor_of(const JsonPart& part, const Vocabulary& vocabulary);

// What a decoder makes of each piece, and whether the whole text loses its first space.
struct Decoder {
  std::vector<std::string> texts;
  bool drop_first_space = false;
};
Decoder decoder_of(const std::optional<JsonPart>& part, const Vocabulary& vocabulary);

}  // namespace pliant::text
