#include "machine/native/kv/row_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "machine/native/kv/pages.h"
#include "quant/codec.h"

namespace pliant::kv {

namespace {

constexpr std::array<std::string_view, cache_type_count> names{"f32", "f16", "bf16", "int8",
                                                               "int4"};
constexpr std::int64_t block = 32;

Encoding encoding_of(CacheType type) {
  switch (type) {
    case CacheType::f32: break;
    case CacheType::f16: return Encoding::f16;
    case CacheType::bf16: return Encoding::bf16;
    case CacheType::int8: return Encoding::q8_0;
    case CacheType::int4: return Encoding::q4_0;
  }
  return Encoding::plain;
}

// Four floats; an extension of both compilers.
using Four = float __attribute__((vector_size(16)));

Four load(const float* x) {
  Four result;
  std::memcpy(&result, x, sizeof result);
  return result;
}

void store(Four x, float* to) { std::memcpy(to, &x, sizeof x); }

// n, a power of two of 4 at least, not normalised
void turn(float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += 4) {
    Four a = load(x + i);
    a = __builtin_shufflevector(a, a, 1, 0, 3, 2) + a * Four{1, -1, 1, -1};
    a = __builtin_shufflevector(a, a, 2, 3, 0, 1) + a * Four{1, 1, -1, -1};
    store(a, x + i);
  }
  for (std::int64_t step = 4; step < n; step *= 2)
    for (std::int64_t i = 0; i < n; i += 2 * step)
      for (std::int64_t j = i; j < i + step; j += 4) {
        const Four a = load(x + j), b = load(x + j + step);
        store(a + b, x + j);
        store(a - b, x + j + step);
      }
}

void turn_small(float* x, std::int64_t n) {  // 1 or 2
  if (n < 2) return;
  const float a = x[0], b = x[1];
  x[0] = a + b;
  x[1] = a - b;
}

// A block of integers, whatever its values are.
void write_block(Encoding encoding, const float* x, std::byte* out) {
  constexpr float largest_half = 65504;
  const float most = largest_half * (encoding == Encoding::q8_0 ? 127 : 7);
  float largest = 0;
  bool finite = true;
  for (std::int64_t i = 0; i < block; ++i) {
    largest = std::max(largest, std::fabs(x[i]));
    finite &= std::isfinite(x[i]);
  }
  if (!finite) {
    constexpr std::uint16_t nan = 0x7e00;
    std::memset(out, 0, static_cast<std::size_t>(traits(encoding).block_bytes));
    std::memcpy(out, &nan, sizeof nan);
    return;
  }
  float within[block];
  if (largest > most) {
    for (std::int64_t i = 0; i < block; ++i) within[i] = std::clamp(x[i], -most, most);
    x = within;
  }
  encode_blocks(encoding, x, block, out);
}

template <typename Convert>
void write_halves(const float* x, std::int64_t n, std::byte* out, const Convert& convert) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint16_t half = convert(x[i]);
    std::memcpy(out + 2 * i, &half, sizeof half);
  }
}

}  // namespace

std::string_view name(CacheType type) { return names[static_cast<std::size_t>(type)]; }

CacheType cache_type_from_name(std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end())
    throw Error(ErrorKind::invalid, "cache type", fmt::format("'{}'", name),
                "f32, f16, bf16, int8 or int4");
  return static_cast<CacheType>(at - names.begin());
}

void rotate(float* x, std::int64_t n) {
  while (n > 0) {
    const auto part = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(n)));
    if (part < 4) turn_small(x, part);
    else turn(x, part);
    const float norm = 1 / std::sqrt(static_cast<float>(part));
    for (std::int64_t i = 0; i < part; ++i) x[i] *= norm;
    x += part;
    n -= part;
  }
}

RowCode::RowCode(CacheType type, bool rotate, std::int64_t width)
    : type_(type), rotated_(rotate && type == CacheType::int4), width_(width), elements_(width) {
  if (in_blocks()) elements_ = round_up(width, block);
  const EncodingTraits& each = traits(encoding());
  bytes_ = type == CacheType::f32 ? width * 4 : elements_ / each.block_elements * each.block_bytes;
}

Encoding RowCode::encoding() const { return encoding_of(type_); }

void RowCode::write(const float* x, std::byte* out) const {
  switch (type_) {
    case CacheType::f32: std::memcpy(out, x, static_cast<std::size_t>(bytes_)); return;
    case CacheType::f16: return write_halves(x, width_, out, f32_to_f16);
    case CacheType::bf16: return write_halves(x, width_, out, f32_to_bf16);
    case CacheType::int8:
    case CacheType::int4: break;
  }
  float row[widest_head];
  std::copy_n(x, width_, row);
  std::fill(row + width_, row + elements_, 0.0F);
  if (rotated_) {
    constexpr float most = 1e30F;  // sums of what is larger might overflow
    for (std::int64_t i = 0; i < width_; ++i)
      if (std::isfinite(row[i])) row[i] = std::clamp(row[i], -most, most);
    rotate(row, width_);
  }
  const std::int64_t size = traits(encoding()).block_bytes;
  for (std::int64_t i = 0; i < elements_; i += block, out += size)
    write_block(encoding(), row + i, out);
}

void RowCode::read(const std::byte* row, float* x) const {
  if (type_ == CacheType::f32) {
    std::memcpy(x, row, static_cast<std::size_t>(bytes_));
    return;
  }
  float all[widest_head];
  decode_blocks(encoding(), row, elements_, all);
  if (rotated_) rotate(all, width_);
  std::copy_n(all, width_, x);
}

}  // namespace pliant::kv
