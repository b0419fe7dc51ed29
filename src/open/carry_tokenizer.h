// The tokenizer of a model that is converted: found beside or in it, and put beside or into the
// result.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "formats/gguf/gguf.h"
#include "models/language/files/convert.h"
#include "open/source.h"

namespace pliant {

class TokenizerSource {
 public:
  // From `given` if it is not empty, else from `model` or what lies beside it. `vocabulary`: rows
  // of the model's embedding.
  TokenizerSource(const Source& model, const std::string& given, std::int64_t vocabulary);

  bool has_metadata() const { return !metadata_.empty(); }
  // tokenizer.* for GGUF, with as many tokens as the embedding has rows: further ones are unused. A
  // model without a tokenizer says so ("none"). Throws Error{invalid} for more tokens than rows.
  std::vector<std::pair<std::string, GgufValue>> metadata() const;
  // bos, eos and pad for config.json, from the model's config.json or the tokenizer; -1: none.
  std::vector<std::pair<std::string, std::int64_t>> token_ids() const;
  // the files that folders keep one in; false: there are none
  bool copy_into(const std::string& folder) const;
  std::string advice(ModelFormat format) const;  // what to do when there is none

 private:
  std::string model_, path_;
  std::size_t rows_ = 0;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
};

}  // namespace pliant
