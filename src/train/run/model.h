// The model of a checkpoint.
#pragma once

#include <string_view>

#include "models/language/language.h"
#include "train/run/checkpoint.h"

namespace pliant::train {

// Shares the checkpoint's bytes. Its shape is what the checkpoint's recipe says. Throws
// Error{format} at `place` for a recipe that cannot be read, and as the model's file does where
// training went on from one.
LanguageModel model_of(const Checkpoint& checkpoint, std::string_view place);

}  // namespace pliant::train
