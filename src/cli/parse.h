// The command line, split into options and arguments as the table says. Conversion and checks: assign().
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/options.h"

namespace pliant::cli {

// `words`: what follows the command's name. Throws Error{usage} for an unknown option (naming the nearest), a missing
// value or too many arguments.
Given parse(const Command& command, std::span<const Option> common, const std::vector<std::string>& words);

}  // namespace pliant::cli
