// The command line, split into options and arguments as the table says. Conversion and checks:
// assign().
#pragma once

#include <string>
#include <vector>

#include "command/manual.h"

namespace pliant {

// `command` is one of the manual's; `words`: what follows the command's name. Throws Error{usage}
// for an unknown option (naming the nearest), a missing value or too many arguments.
Given parse(const Manual& manual, const Command& command, const std::vector<std::string>& words);

std::string parser_version();  // of the library that splits

}  // namespace pliant
