// Whether what a format keeps of a config is all of it.
#pragma once

#include <string_view>
#include <vector>

#include "models/language/language.h"

namespace pliant {

bool same_numbers(const std::vector<double>& a, const std::vector<double>& b);  // as f32

// Throws Error{unsupported} naming the first field that `kept`, read back from the format, does not
// have as `config`. Numbers are compared as f32.
void refuse_difference(const LanguageConfig& config, const LanguageConfig& kept,
                       std::string_view format);

}  // namespace pliant
