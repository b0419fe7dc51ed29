// The tensors that a pickle describes: the part of protocol 2 (PEP 307) that PyTorch writes for
// dictionaries of tensors and numbers. Nothing is imported or called: the few names that may stand
// there are known here, and every other opcode or name is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant {

// A view of a storage, which lies elsewhere under `key`.
struct PickledTensor {
  std::string name;  // keys from the outermost dictionary on, with dots between them
  DType dtype = DType::f32;
  std::string_view key;       // of the storage; in the pickle
  std::int64_t elements = 0;  // of the storage
  std::int64_t offset = 0;    // of the first element, in elements
  Shape shape, strides;       // strides in elements; as many as sizes
};

// Tensors in dictionaries of the outermost one, at most 8 deep; what stands in lists has no name
// and is left out. Throws Error{unsupported} naming the byte and the opcode or global that is not
// needed for these, Error{format} for a pickle that is cut or does not fit together or holds no
// dictionary, Error{capacity} beyond 2^20 values.
std::vector<PickledTensor> pickled_tensors(std::span<const std::byte> pickle,
                                           std::string_view place);

}  // namespace pliant
