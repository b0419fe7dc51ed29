// What `pliant inspect` says of a language model.
#pragma once

#include "command/verb.h"
#include "open/source.h"

namespace pliant::cli {

// A GGUF file: metadata and tensors, then the model, if it is one that Pliant runs.
int inspect_gguf(const Source& source, const Invocation& context);
// A folder, a checkpoint of llama2.c or CoreNet, or minGPT's JSON.
int inspect_language_model(const Source& source, const Invocation& context);

}  // namespace pliant::cli
