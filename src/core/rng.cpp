#include "core/rng.h"

#include <cmath>
#include <cstring>
#include <numbers>

namespace pliant {
namespace {

// Finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t state = mix(seed ^ (0x51ed270b0a1f39c1ULL + bytes.size()));
  // eight bytes at a time, little endian; the length is in the seed, so zero padding is safe
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    state = mix(state ^ word);
  }
  if (bytes.empty()) return state;
  word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mix(state ^ word);
}

Rng::Rng(std::uint64_t seed, std::uint64_t stream) : key_(mix(mix(seed) ^ stream)) {}

std::uint64_t Rng::bits() { return mix(key_ ^ mix(counter_++)); }

std::int64_t Rng::below(std::int64_t bound) {
  const std::uint64_t range = bound;
  const std::uint64_t limit = max() - max() % range;
  std::uint64_t value = bits();
  while (value >= limit) value = bits();
  return static_cast<std::int64_t>(value % range);
}

std::int64_t Rng::between(std::int64_t low, std::int64_t high) {
  return low + below(high - low + 1);
}

double Rng::uniform() { return (bits() >> 11) * 0x1p-53; }

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

void fill_normal(const TensorView& view, Rng& rng, double scale) {
  for (std::int64_t i = 0, n = elements(view.type.shape); i < n; ++i)
    set(view, i, scale * rng.normal());
}

void fill_uniform(const TensorView& view, Rng& rng, double low, double high) {
  const bool whole = !is_float(view.type.dtype);
  for (std::int64_t i = 0, n = elements(view.type.shape); i < n; ++i) {
    const double value = low + (high - low) * rng.uniform();
    set(view, i, whole ? std::floor(value) : value);
  }
}

}  // namespace pliant
