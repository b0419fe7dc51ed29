// How a model slows the frequencies of its rotations.
#pragma once

#include "models/language/language.h"

namespace pliant {

// What each pair's frequency is divided by, by the context that the model is opened with; empty:
// all 1.
const std::vector<double>& rotary_factors(const LanguageConfig& config);

}  // namespace pliant
