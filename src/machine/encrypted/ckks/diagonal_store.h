// The diagonals of a linear map: each that differs is held once, in little memory.
#pragma once

#include <map>
#include <vector>

#include "machine/encrypted/ckks/context/encoder.h"

namespace pliant::ckks {

// Diagonals are held as rounded coefficients, and transformed when they are wanted; the first ones
// are held transformed instead, as far as there is room. All are of one level. Threads may share
// one while none adds to it.
class DiagonalStore {
 public:
  // `room`: bytes for transformed ones
  DiagonalStore(const Context& context, std::size_t room) : context_(context), room_(room) {}

  // Its number, which is that of an equal one where there is one.
  std::size_t add(Rounded diagonal);
  const Plaintext& fields(std::size_t i) const {  // without limbs where it is not held transformed
    return held_[i].transformed ? held_[i].plaintext : held_[i].rounded.fields;
  }
  bool transformed(std::size_t i) const { return held_[i].transformed; }
  const u64* limb(std::size_t i, std::size_t limb) const {
    return held_[i].plaintext.poly.limb(limb);
  }
  // The same of one that is not held so.
  void expand(std::size_t i, std::size_t limb, u64* out) const {
    ckks::expand(context_, held_[i].rounded, limb, out);
  }
  std::size_t bytes() const;
  std::size_t expanded_bytes() const;  // of those that are held transformed

 private:
  struct Held {
    bool transformed = false;
    Plaintext plaintext;  // one of the two
    Rounded rounded;
  };
  bool equal(const Held& held, const Rounded& diagonal) const;
  const Context& context_;
  std::size_t room_;
  std::vector<Held> held_;
  std::multimap<std::size_t, std::size_t> numbers_;  // by a hash of the coefficients
};

}  // namespace pliant::ckks
