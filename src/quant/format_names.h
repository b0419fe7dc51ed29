// How people name what a weight is written as: "F32", "F16", "Q4_K" ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quant/store.h"

namespace pliant {

std::string format_name(const Stored& stored);  // plain elements by their type
std::vector<std::string> format_names();        // of all that f32 weights can be written as

// "F32" is plain; letters in any case. Throws Error{usage} at `place`.
Encoding format_from_name(std::string_view name, std::string_view place);

}  // namespace pliant
