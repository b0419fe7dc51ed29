#include "machine/encrypted/ckks/ring/poly.h"

#include <sodium.h>

#include <cstring>
#include <new>

#include "machine/encrypted/ckks/ring/pages.h"

namespace pliant::ckks {

namespace {
constexpr std::align_val_t kAlignment{64};
}

void WordBuffer::Free::operator()(u64* words) const { ::operator delete[](words, kAlignment); }

void WordBuffer::reserve(std::size_t size) {
  if (size <= capacity_) return;
  data_.reset(static_cast<u64*>(::operator new[](size * sizeof(u64), kAlignment)));
  in_large_pages(data_.get(), size * sizeof(u64));
  capacity_ = size;
}

void Poly::resize(std::size_t limbs, std::size_t n) {
  words_.reserve(limbs * n);
  limbs_ = limbs;
  n_ = n;
}

Poly Poly::copy() const {
  Poly result;
  result.assign(*this);
  return result;
}

void Poly::assign(const Poly& other) {
  if (this == &other) return;
  resize(other.limbs_, other.n_);
  if (other.bytes() != 0) std::memcpy(words_.data(), other.words_.data(), other.bytes());
}

void Poly::wipe() {
  if (words_.capacity() != 0) sodium_memzero(words_.data(), words_.capacity() * sizeof(u64));
}

bool operator==(const Poly& a, const Poly& b) {
  return a.limbs_ == b.limbs_ && a.n_ == b.n_ &&
         (a.bytes() == 0 || std::memcmp(a.words_.data(), b.words_.data(), a.bytes()) == 0);
}

}  // namespace pliant::ckks
