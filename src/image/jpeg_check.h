// What must hold of a JPEG file before the decoder library may see it.
#pragma once

#include <cstddef>
#include <span>

namespace pliant {

// False where a Huffman table (ITU T.81, B.2.4.2) names more than 256 codes: the decoder stores codes in arrays of 256
// and does not count them. Looks wherever the decoder may look, also between scans.
bool huffman_tables_fit(std::span<const std::byte> jpeg);

}  // namespace pliant
