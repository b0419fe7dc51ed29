// Zip archives whose entries are stored as they are: what PyTorch writes. From APPNOTE.TXT 6.3.10
// (PKWARE), with the 64-bit records; checksums are not computed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace pliant {

struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> bytes;
};

bool looks_like_zip(std::span<const std::byte> file);

// The name of the entry that the file begins with; "" if it begins otherwise.
std::string_view first_zip_entry(std::span<const std::byte> file);

// Entries in the order of the file, sharing its bytes. Throws Error{format} naming the byte for a
// missing or broken directory, sizes beyond the file, entries that overlap, a name given twice;
// Error{unsupported} for entries that are compressed or encrypted, and for archives in parts.
std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> file, std::string_view place);

}  // namespace pliant
