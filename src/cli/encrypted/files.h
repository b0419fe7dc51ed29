// Arrays, keys and ciphertexts as the commands read and write them.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/files.h"
#include "core/tensor.h"

namespace pliant::cli {

Tensor read_array(const std::string& path);
std::string_view text_of(std::span<const std::byte> bytes);
double largest_magnitude(const TensorView& tensor);

}  // namespace pliant::cli
