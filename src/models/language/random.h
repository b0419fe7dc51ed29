// Language models without a file: random weights of any config.
#pragma once

#include <cstdint>

#include "models/language/language.h"

namespace pliant {

// To measure speed with. Norms are 1; matrices are cut from one list of normal values (mean 0,
// deviation 0.02) that is rounded once, so that a large model takes no longer than its bytes take
// to be written. Rows that are no whole blocks of `encoding` are F16. Throws Error{invalid} as
// check().
LanguageModel random_language_model(const LanguageConfig& config, Encoding encoding,
                                    std::uint64_t seed);

// To train. As OpenELM begins (arXiv 2404.14619's code): normal values of deviation in^-0.5 for a
// matrix [out, in], width^-0.5 for the tables, (2 * layers * width)^-0.5 for the two projections of
// a layer back to its hidden rows; norms 1 (or 0 where the stored weight is w - 1), biases 0. Plain
// f32. Each weight depends on the seed and its name alone. Throws Error{invalid} as check().
LanguageModel initial_language_model(const LanguageConfig& config, std::uint64_t seed);

}  // namespace pliant
