// GGUF models as they lie on disk: in one file, or in the parts that llama.cpp splits them into,
// NAME-00001-of-00003.gguf and so on. docs/formats.md says what is checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/files.h"
#include "formats/gguf/gguf.h"

namespace pliant {

struct GgufModel {
  // of the whole: tensors of all parts, metadata of the first one but for split.*
  Gguf contents;
  std::vector<std::string> paths;     // of its parts, in order; one for a whole file
  std::shared_ptr<const void> owner;  // keeps the bytes of the tensors alive
};

// first: metadata alone is wanted, tensors may be missing
enum class GgufParts : std::uint8_t { all, first };

// The model of which `file`, at `path`, is the whole or any part. Throws what read_gguf() throws,
// Error{not_found} naming a part that is missing, Error{format} for parts that do not belong
// together or are not named as they must be.
GgufModel open_gguf(std::shared_ptr<const MappedFile> file, const std::string& path,
                    GgufParts which = GgufParts::all);

}  // namespace pliant
