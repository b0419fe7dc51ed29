// Arrays, keys and ciphertexts as the commands read and write them.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/tensor.h"

namespace pliant::cli {

Tensor read_array(const std::string& path);
std::string_view text_of(std::span<const std::byte> bytes);
double largest_magnitude(const TensorView& tensor);

// made() of keys that `path` holds, in a mapping that outlives them or in one that does not; an
// error of their format names the file.
template <typename Made>
auto from_keys(const std::string& path, const MappedFile& keys, const Made& made) {
  try {
    return made(keys.bytes());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::format) throw;
    throw Error(error.kind(), path + ": " + error.place(), error.problem(), error.next_step());
  }
}
template <typename Made>
auto from_keys(const std::string& path, const Made& made) {
  return from_keys(path, MappedFile(path), made);
}

}  // namespace pliant::cli
