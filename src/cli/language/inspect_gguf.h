// What `pliant inspect` says of a GGUF file.
#pragma once

#include <string>

#include "command/verb.h"

namespace pliant::cli {

int inspect_gguf(const std::string& path, const Context& context);

}  // namespace pliant::cli
