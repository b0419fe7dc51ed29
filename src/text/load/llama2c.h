// Tokenizers in llama2.c's own format.
#pragma once

#include <memory>
#include <string_view>

#include "text/load/load.h"

namespace pliant::text {

bool is_llama2c_tokenizer(std::string_view bytes);
// Throws Error{format}.
std::shared_ptr<const Tokenizer> tokenizer_from_llama2c(std::string_view bytes,
                                                        std::string_view place);

}  // namespace pliant::text
