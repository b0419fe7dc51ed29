// How a cache writes keys and values: as floats, or as integers in blocks of 32 with a scale each,
// the layouts of Q8_0 and Q4_0 (docs/formats.md), so that the kernels of encoded weights read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "quant/encoding.h"

namespace pliant::kv {

enum class CacheType : std::uint8_t { f32, f16, bf16, int8, int4 };
inline constexpr int cache_type_count = 5;
std::string_view name(CacheType type);
CacheType cache_type_from_name(std::string_view name);  // throws Error{invalid}

struct CacheTypes {
  CacheType key = CacheType::f32, value = CacheType::f32;
  // Keys or values of fewer than 8 bits are stored turned by a Hadamard matrix, which spreads what
  // stands out over all elements.
  bool rotate = true;
  bool operator==(const CacheTypes&) const = default;
};

// x becomes H x: one normalised Hadamard matrix, its own inverse, for each block of the largest
// power of two that fits into what is left of n elements (96 are 64 and 32).
void rotate(float* x, std::int64_t n);

// One key or value of `width` elements. Integers: a block with a NaN or infinite value is NaN; what
// is too large for its 16-bit scale (beyond 65504 * 127, or 65504 * 7) is as large as it can be.
class RowCode {
 public:
  RowCode() = default;
  RowCode(CacheType type, bool rotate, std::int64_t width);

  CacheType type() const { return type_; }
  Encoding encoding() const;  // of its elements(); plain: f32
  bool in_blocks() const { return type_ >= CacheType::int8; }
  bool rotated() const { return rotated_; }
  std::int64_t width() const { return width_; }
  // that are stored: whole blocks, zeros behind `width`
  std::int64_t elements() const { return elements_; }
  std::int64_t bytes() const { return bytes_; }

  // x [width] as it was given, not turned
  void write(const float* x, std::byte* out) const;
  void read(const std::byte* row, float* x) const;

 private:
  CacheType type_ = CacheType::f32;
  bool rotated_ = false;
  std::int64_t width_ = 0, elements_ = 0, bytes_ = 0;
};

}  // namespace pliant::kv
