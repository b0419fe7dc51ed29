// The verb that trains supernets, in pliant-train.
#pragma once

#include "command/verb.h"

namespace pliant::cli {

Verb search_train_verb();

}  // namespace pliant::cli
