// What the tests of block encodings share.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "quant/store.h"

namespace pliant {

// Those of blocks with scales: neither plain nor 16-bit floats.
inline std::vector<Encoding> block_encodings() {
  std::vector<Encoding> result;
  for (int i = 0; i < encoding_count; ++i)
    if (traits(static_cast<Encoding>(i)).block_elements > 1)
      result.push_back(static_cast<Encoding>(i));
  return result;
}

inline std::string golden(Encoding encoding, const std::string& ending) {
  return read_file("golden/quant/" + std::string(name(encoding)) + ending);
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace pliant
