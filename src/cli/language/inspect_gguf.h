// What `pliant inspect` says of a GGUF file.
#pragma once

#include "command/verb.h"
#include "open/source.h"

namespace pliant::cli {

int inspect_gguf(const Source& source, const Invocation& context);

}  // namespace pliant::cli
