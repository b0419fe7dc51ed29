// Runs a pickle on a stack of values.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "formats/torch/values.h"

namespace pliant::pickle {

// All values and the one that the pickle leaves. Texts share the pickle's bytes. Throws as
// pickled_tensors().
std::pair<Values, Id> unpickle(std::span<const std::byte> pickle, std::string_view place);

}  // namespace pliant::pickle
