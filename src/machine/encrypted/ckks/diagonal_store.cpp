#include "machine/encrypted/ckks/diagonal_store.h"

#include <cstring>
#include <string_view>

namespace pliant::ckks {

namespace {

std::size_t hash_of(const std::vector<double>& values) {
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
}

bool alike(const Plaintext& a, const Plaintext& b) {
  return a.slots == b.slots && a.bound == b.bound && a.noise == b.noise && a.scale == b.scale;
}

}  // namespace

bool DiagonalStore::equal(const Held& held, const Rounded& diagonal) const {
  if (!held.transformed)
    return alike(held.rounded.fields, diagonal.fields) &&
           held.rounded.coefficients == diagonal.coefficients;
  if (!alike(held.plaintext, diagonal.fields)) return false;
  Poly limb(1, context_.n());
  for (std::size_t i = 0; i < held.plaintext.poly.limbs(); ++i) {
    ckks::expand(context_, diagonal, i, limb.limb(0));
    if (std::memcmp(limb.limb(0), held.plaintext.poly.limb(i), limb.bytes()) != 0) return false;
  }
  return true;
}

std::size_t DiagonalStore::add(Rounded diagonal) {
  const std::size_t hash = hash_of(diagonal.coefficients);
  const auto [first, last] = numbers_.equal_range(hash);
  for (auto known = first; known != last; ++known)
    if (equal(held_[known->second], diagonal)) return known->second;
  Held& held = held_.emplace_back();
  const std::size_t limbs =
      diagonal.fields.level + 1 + (diagonal.fields.extended ? context_.special() : 0);
  const std::size_t bytes = limbs * context_.n() * sizeof(u64);
  held.transformed = bytes <= room_;
  if (held.transformed) {
    ckks::expand(context_, diagonal, held.plaintext);
    room_ -= bytes;
  } else {
    held.rounded = std::move(diagonal);
  }
  numbers_.emplace(hash, held_.size() - 1);
  return held_.size() - 1;
}

std::size_t DiagonalStore::bytes() const {
  std::size_t sum = expanded_bytes();
  for (const Held& held : held_) sum += held.rounded.bytes();
  return sum;
}

std::size_t DiagonalStore::expanded_bytes() const {
  std::size_t sum = 0;
  for (const Held& held : held_) sum += held.plaintext.poly.bytes();
  return sum;
}

}  // namespace pliant::ckks
