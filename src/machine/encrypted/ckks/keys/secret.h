// Memory of secrets: overwritten when it goes, whichever way it goes. Threads may read one at once.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "machine/encrypted/ckks/ring/poly.h"

namespace pliant::ckks {

// A polynomial that is wiped before another takes its place and when it goes.
class SecretPoly {
 public:
  SecretPoly() = default;
  SecretPoly(std::size_t limbs, std::size_t n) : poly_(limbs, n) {}
  SecretPoly(SecretPoly&& other) noexcept : poly_(std::move(other.poly_)) {}
  SecretPoly& operator=(SecretPoly&& other) noexcept {
    if (this == &other) return *this;
    poly_.wipe();
    poly_ = std::move(other.poly_);
    return *this;
  }
  ~SecretPoly() { poly_.wipe(); }
  Poly& get() { return poly_; }
  const Poly& get() const { return poly_; }

 private:
  Poly poly_;
};

// Coefficients, as they are drawn. Moves only into a new one.
class SecretValues {
 public:
  explicit SecretValues(std::size_t count) : values_(count) {}
  SecretValues(SecretValues&&) = default;
  SecretValues& operator=(SecretValues&&) = delete;
  ~SecretValues();
  std::span<std::int64_t> get() { return values_; }
  std::span<const std::int64_t> get() const { return values_; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::vector<std::int64_t> values_;
};

}  // namespace pliant::ckks
