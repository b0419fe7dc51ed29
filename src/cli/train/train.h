// The verb that trains, in pliant-train.
#pragma once

#include "command/verb.h"

namespace pliant::cli {

Verb train_verb();

}  // namespace pliant::cli
