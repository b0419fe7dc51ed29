// A language model or a tokenizer from whatever holds it: a folder, GGUF, a checkpoint of
// llama2.c or CoreNet (with the config.json beside it, if there is one), minGPT's JSON.
#pragma once

#include <memory>

#include "models/language/language.h"
#include "open/source.h"
#include "text/tokenizer.h"

namespace pliant {

// Throws Error{not_found} for a missing file or tensor, Error{format} or {invalid} for files that
// contradict the config (naming the file, the tensor and both shapes), Error{unsupported} for an
// architecture we do not have. Of a vision-language model it is the part that reads and writes
// text. Weights stay as the file writes them, mapped; only what a layout forces is copied (GPT-2's
// transposed matrices).
LanguageModel load_language_model(const Source& source);

// As load_tokenizer() of text/load; null where a model has none in it or beside it.
std::shared_ptr<const Tokenizer> tokenizer_beside(const Source& source);

}  // namespace pliant
