// safetensors files: a JSON header and dense little-endian data. docs/formats.md says what is
// checked.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/store.h"

namespace pliant {

struct SafeTensor {
  std::string name;
  TensorType type;
  std::span<const std::byte> bytes;  // of somebody else: the file's or the writer's caller's
};

struct SafeTensors {
  std::map<std::string, std::string> metadata;
  std::vector<SafeTensor> tensors;  // by position in the file
};

// Throws Error{format}: a header that is cut, too long or no JSON object of the format; a size that
// does not follow from shape and dtype; data that overlaps, has holes or is cut.
// Error{unsupported}: a dtype we do not have.
SafeTensors read_safetensors(std::span<const std::byte> file, std::string_view place);

// Every tensor of the file, mapped as it is; the store keeps the mapping. Tensors of foreign files
// may be unaligned.
WeightStore load_safetensors(const std::string& path);

// Writes the file whole or not at all. The data of each tensor begins at a multiple of 64 bytes in
// the file: gaps are filled by u8 tensors named "pad.N", because the format allows no holes. Throws
// Error{invalid} for two tensors of one name or a wrong byte count. `aligned` = false: one tensor
// directly after the other and nothing else, for readers that ask for exactly the tensors they
// know.
void write_safetensors(const std::string& path, const SafeTensors& contents, bool aligned = true);
bool is_padding(const SafeTensor& tensor);

}  // namespace pliant
