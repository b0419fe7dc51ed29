#include "machine/encrypted/ckks/ring/packed.h"

#include <algorithm>
#include <bit>

#include "machine/encrypted/ckks/ring/pages.h"

namespace pliant::ckks {

namespace {

constexpr std::size_t kBeyond = 64;  // what Kernels::unpack may read behind the last value

void pack(const u64* in, int width, std::size_t n, std::uint8_t* out) {
  u64 rest = 0;
  int bits = 0;
  for (std::size_t i = 0; i < n; ++i) {
    rest |= in[i] << bits;  // fewer than 8 bits wait
    for (bits += width; bits >= 8; bits -= 8, rest >>= 8) *out++ = static_cast<std::uint8_t>(rest);
  }
}

}  // namespace

int packed_width(u64 q) { return std::max(static_cast<int>(std::bit_width(q - 1)), 16); }

PackedPoly::PackedPoly(const Poly& poly, std::span<const NttTable* const> tables) : n_(poly.n()) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < poly.limbs(); ++i) {
    limbs_.push_back({size, packed_width(tables[i]->mod.q)});
    size += n_ / 8 * static_cast<std::size_t>(limbs_[i].width);
  }
  bytes_.reserve(size + kBeyond);
  in_large_pages(bytes_.data(), size + kBeyond);
  bytes_.resize(size + kBeyond);
  for (std::size_t i = 0; i < poly.limbs(); ++i)
    pack(poly.limb(i), limbs_[i].width, n_, bytes_.data() + limbs_[i].at);
}

Poly PackedPoly::unpacked() const {
  Poly result(limbs(), n_);
  for (std::size_t i = 0; i < limbs(); ++i) read(scalar_kernels(), i, 0, n_, result.limb(i));
  return result;
}

}  // namespace pliant::ckks
