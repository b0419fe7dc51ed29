// A language model without a file: random weights of any config, to measure speed with.
#pragma once

#include <cstdint>

#include "models/language/language.h"

namespace pliant {

// Norms are 1; matrices are cut from one list of normal values (mean 0, deviation 0.02) that is
// rounded once, so that a large model takes no longer than its bytes take to be written. Rows that
// are no whole blocks of `encoding` are F16. Throws Error{invalid} as check().
LanguageModel random_language_model(const LanguageConfig& config, Encoding encoding,
                                    std::uint64_t seed);

}  // namespace pliant
