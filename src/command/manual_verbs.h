// The verbs that print a program's own manual.
#pragma once

#include <string>

#include "command/verb.h"

namespace pliant {

// `program`: its name, for the examples.
Verb man_verb(const std::string& program);
Verb completion_verb(const std::string& program);

}  // namespace pliant
