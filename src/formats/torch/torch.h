// PyTorch checkpoints (.pt): dictionaries of tensors in a zip archive, as torch.save() has written
// them since version 1.6. docs/formats.md says what is read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant {

struct TorchTensor {
  std::string name;  // keys with dots between them
  TensorType type;
  std::span<const std::byte> bytes;  // of the file; maybe unaligned; tensors may share them
};

// What torch.save() writes, now or before 1.6; by what stands at its beginning.
bool is_torch(std::span<const std::byte> file);

// In the order of the dictionaries. Throws as read_stored_zip() and pickled_tensors(), and
// Error{format} naming the tensor for a storage that is missing or has another size, elements
// beyond it, a name that stands twice, Error{unsupported} for tensors that are not row by row in
// their storage, files of before 1.6 and big-endian ones.
std::vector<TorchTensor> read_torch(std::span<const std::byte> file, std::string_view place);

}  // namespace pliant
