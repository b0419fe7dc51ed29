// What `pliant inspect` says of a language model.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "command/verb.h"
#include "models/language/language.h"
#include "open/source.h"

namespace pliant::cli {

// A folder, a llama2.c checkpoint or minGPT's JSON; GGUF files have their own report, which ends
// with this one's.
int inspect_language_model(const Source& source, const Invocation& context);

// Family, sizes, layers, bytes of cache per token, and the kind of tokenizer found in or beside it.
nlohmann::ordered_json model_json(const LanguageConfig& config, const Source& source);
void print_model(std::ostream& out, const LanguageConfig& config, const Source& source);

}  // namespace pliant::cli
