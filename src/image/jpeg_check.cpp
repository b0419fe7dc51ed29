#include "image/jpeg_check.h"

#include <cstdint>

namespace pliant {
namespace {

constexpr unsigned dht = 0xc4, sos = 0xda;

unsigned byte(std::span<const std::byte> bytes, std::size_t i) {
  return i < bytes.size() ? std::to_integer<unsigned>(bytes[i]) : 0;  // as the decoder reads past the end
}

bool has_no_segment(unsigned marker) { return marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9); }

// The tables of the segment whose length is at `at`, all of which may share it.
bool tables_fit(std::span<const std::byte> bytes, std::size_t at) {
  std::int64_t left = std::int64_t{byte(bytes, at) << 8 | byte(bytes, at + 1)} - 2;
  for (at += 2; left > 0 && at < bytes.size();) {
    unsigned codes = 0;
    for (std::size_t i = 1; i <= 16; ++i) codes += byte(bytes, at + i);
    if (codes > 256) return false;
    at += 17 + codes;
    left -= 17 + codes;
  }
  return true;
}

}  // namespace

bool huffman_tables_fit(std::span<const std::byte> jpeg) {
  bool scanning = false;  // after the first scan begins, segments lie among coded data: any marker may count
  for (std::size_t at = 0; at + 1 < jpeg.size();) {
    if (byte(jpeg, at) != 0xff || byte(jpeg, at + 1) == 0xff) {
      ++at;
      continue;
    }
    const unsigned marker = byte(jpeg, at + 1);
    at += 2;
    if (marker == dht && !tables_fit(jpeg, at)) return false;
    scanning = scanning || marker == sos;
    if (!scanning && !has_no_segment(marker)) at += byte(jpeg, at) << 8 | byte(jpeg, at + 1);
  }
  return true;
}

}  // namespace pliant
