// Storage: polynomials as limbs, one array of N residues per prime.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "machine/encrypted/ckks/kernels/word.h"

namespace pliant::ckks {

// A 64-byte aligned array of words; growing keeps nothing. Threads may read one at once.
class WordBuffer {
 public:
  WordBuffer() = default;
  explicit WordBuffer(std::size_t size) { reserve(size); }
  WordBuffer(WordBuffer&& other) noexcept
      : data_(std::move(other.data_)), capacity_(std::exchange(other.capacity_, 0)) {}
  WordBuffer& operator=(WordBuffer&& other) noexcept {
    data_ = std::move(other.data_);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  void reserve(std::size_t size);  // allocates only when the capacity is smaller
  std::size_t capacity() const { return capacity_; }
  u64* data() { return data_.get(); }
  const u64* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(u64* words) const;
  };
  std::unique_ptr<u64[], Free> data_;
  std::size_t capacity_ = 0;
};

// `limbs` arrays of n residues, limb-major. Which prime a limb belongs to is its owner's knowledge:
// level l of a chain has the primes q[0..l], then, in an extended polynomial, the special primes.
// Copies only by copy(). Threads may read one, or write different limbs, at once.
class Poly {
 public:
  Poly() = default;
  Poly(std::size_t limbs, std::size_t n) { resize(limbs, n); }
  Poly(Poly&& other) noexcept
      : limbs_(std::exchange(other.limbs_, 0)),
        n_(std::exchange(other.n_, 0)),
        words_(std::move(other.words_)) {}
  Poly& operator=(Poly&& other) noexcept {
    limbs_ = std::exchange(other.limbs_, 0);
    n_ = std::exchange(other.n_, 0);
    words_ = std::move(other.words_);
    return *this;
  }
  // contents become unspecified unless only limbs are dropped
  void resize(std::size_t limbs, std::size_t n);
  std::size_t limbs() const { return limbs_; }
  std::size_t n() const { return n_; }
  u64* limb(std::size_t i) { return words_.data() + i * n_; }
  const u64* limb(std::size_t i) const { return words_.data() + i * n_; }
  bool is(std::size_t limbs, std::size_t n) const { return limbs_ == limbs && n_ == n; }
  std::size_t bytes() const { return limbs_ * n_ * sizeof(u64); }
  Poly copy() const;
  void assign(const Poly& other);  // a copy into storage that is kept
  void wipe();                     // overwrites everything; for secrets
  friend bool operator==(const Poly& a, const Poly& b);

 private:
  std::size_t limbs_ = 0, n_ = 0;
  WordBuffer words_;
};

}  // namespace pliant::ckks
