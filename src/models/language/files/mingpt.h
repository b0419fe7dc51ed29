// A model of minGPT in one JSON file: its configuration, and the tensors in base64.
#pragma once

#include <string_view>

#include "models/language/language.h"

namespace pliant {

bool is_mingpt(std::string_view text);  // by what stands at its beginning
// Throws Error{format} for what is no such file or no base64, Error{not_found} or {invalid} as
// assemble().
LanguageModel mingpt_model(std::string_view text, std::string_view place);

}  // namespace pliant
