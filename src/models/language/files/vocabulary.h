// Models whose tables have more rows than their vocabulary has tokens, padded for the training
// machine.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/language/language.h"

namespace pliant {

// The model without the rows of embedding and head from `tokens` on; the bytes of those that stay
// are shared. Throws Error{invalid} at `place` if it has fewer rows.
LanguageModel with_vocabulary(const LanguageModel& model, std::int64_t tokens,
                              std::string_view place);

}  // namespace pliant
