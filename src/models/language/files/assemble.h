// From the tensors of a file, under the file's names, to a model's weights under canonical names.
#pragma once

#include <string_view>

#include "models/language/weights.h"

namespace pliant {

// Shares the bytes of `tensors` where the file's layout is ours. Throws Error{not_found} for a
// missing tensor, Error{invalid} for one of another shape (naming both), Error{unsupported} for one
// that is not of floats.
WeightStore assemble(const LanguageConfig& config, NameScheme scheme, const WeightStore& tensors,
                     std::string_view place);

// The name under which `tensors` has this weight: as the format says, without its first component
// ("transformer."), or what other writers call a head; null if it has none.
const Stored* find_source(const WeightStore& tensors, const std::string& name,
                          std::string& found_name);

// Rows [first, first + count) of a tensor; they stand one after the other in every encoding. They
// must be there.
Stored rows_of(const Stored& whole, std::int64_t first, std::int64_t count);

// As an f32 weight of the graph: f16 and bf16 stay as they are, as encodings. Throws
// Error{unsupported} at `place`.
Stored as_f32(const Stored& stored, const std::string& name, std::string_view place);

}  // namespace pliant
