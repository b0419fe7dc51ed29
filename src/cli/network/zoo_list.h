// "zoo:list": the networks that "zoo:NAME" generates.
#pragma once

#include "command/verb.h"

namespace pliant::cli {

inline constexpr const char* zoo_list = "zoo:list";

int list_zoo(const Invocation& context);

}  // namespace pliant::cli
