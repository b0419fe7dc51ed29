// llama2.c checkpoints: seven integers (then, in the weights, a table of cosines and sines), or
// "ak42" and version 1.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "models/language/weights.h"

namespace pliant {

struct Llama2c {
  LanguageConfig config;
  std::int32_t version = 0;
  std::size_t data = 0;      // byte at which the weights begin
  bool rotary_table = true;  // version 0

  std::vector<WeightSpec> order() const;  // of the file, all but the head, which is last
  std::int64_t tables() const;            // floats between them and the head
  std::int64_t bytes() const;             // of the whole file
};

// the header describes a file of exactly this size, or is version 1
bool is_llama2c(std::span<const std::byte> file);

// Throws Error{format} for a cut header or another size than it describes, Error{invalid} as
// check(), Error{unsupported} for a later version.
Llama2c llama2c_header(std::span<const std::byte> file, std::string_view place);
LanguageModel llama2c_model(std::span<const std::byte> file, std::shared_ptr<const void> owner,
                            std::string_view place);

}  // namespace pliant
