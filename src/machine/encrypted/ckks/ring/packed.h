// Polynomials in as many bits as they need.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/kernels/kernels.h"
#include "machine/encrypted/ckks/ring/poly.h"

namespace pliant::ckks {

// For what is held long: the residues of limb i take as many bits as its prime has. Threads may
// read one at once.
class PackedPoly {
 public:
  PackedPoly() = default;
  // tables[i] is that of limb i
  PackedPoly(const Poly& poly, std::span<const NttTable* const> tables);

  std::size_t limbs() const { return limbs_.size(); }
  std::size_t n() const { return n_; }
  bool is(std::size_t limbs, std::size_t n) const { return limbs_.size() == limbs && n_ == n; }
  std::size_t bytes() const { return bytes_.size(); }
  // `count` residues of limb i; from and count are multiples of 16
  void read(const Kernels& kernels, std::size_t i, std::size_t from, std::size_t count,
            u64* out) const {
    const auto width = static_cast<std::size_t>(limbs_[i].width);
    kernels.unpack(out, bytes_.data() + limbs_[i].at + from / 8 * width, limbs_[i].width, count);
  }
  Poly unpacked() const;
  friend bool operator==(const PackedPoly& a, const PackedPoly& b) {
    return a.n_ == b.n_ && a.bytes_ == b.bytes_;
  }

 private:
  struct Limb {
    std::size_t at = 0;  // of bytes_
    int width = 0;
  };
  std::size_t n_ = 0;
  std::vector<Limb> limbs_;
  std::vector<std::uint8_t> bytes_;
};

// Bits of the residues modulo q.
int packed_width(u64 q);

}  // namespace pliant::ckks
