// The GGUF form of a tokenizer.json, where there is one.
#pragma once

#include <span>

#include "text/load/json/steps.h"

namespace pliant::text {

// A form that gives the same ids, or one whose `refusal` says why there is none.
GgufForm gguf_form(const JsonNode& root, const PreTokenizer& pre, std::span<const Merge> merges,
                   const Parts& parts);

}  // namespace pliant::text
