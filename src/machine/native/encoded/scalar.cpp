// The reference of the vector kernels, and what runs where there are none.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "machine/native/encoded/encoded.h"
#include "quant/layout.h"

#define PLIANT_ALWAYS_INLINE inline

namespace pliant::native {
namespace {

using layout::Byte;

struct V {
  using Codes = std::array<Byte, 32>;
  using Ints = std::array<std::int32_t, 8>;
  using Floats = std::array<float, 8>;

  template <typename Lanes, typename Lane>
  static Lanes make(const Lane& lane) {
    Lanes result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = lane(i);
    return result;
  }

  static float half(const Byte* at) { return layout::load_half(at); }
  static Codes load(const Byte* at) {
    return make<Codes>([&](std::size_t i) { return at[i]; });
  }
  static Codes nibbles(const Byte* at) {
    return make<Codes>([&](std::size_t i) { return i < 16 ? at[i] & 15 : at[i - 16] >> 4; });
  }
  // (x >> right) & mask in every byte; to the left where `right` is negative
  static Codes bits(const Codes& x, int right, int mask) {
    return make<Codes>(
        [&](std::size_t i) { return (right >= 0 ? x[i] >> right : x[i] << -right) & mask; });
  }
  static Codes spread(const Byte* at, Byte value) {
    return make<Codes>([&](std::size_t i) { return (at[i / 8] >> i % 8 & 1) != 0 ? value : 0; });
  }
  static Codes look_up(const std::array<std::int8_t, 16>& table, const Codes& x) {
    return make<Codes>([&](std::size_t i) { return table[x[i]]; });
  }
  static Codes join(const Codes& a, const Codes& b) {
    return make<Codes>([&](std::size_t i) { return a[i] | b[i]; });
  }
  static Codes flip(const Codes& x) {
    return make<Codes>([&](std::size_t i) { return x[i] ^ 128; });
  }
  template <bool wide>
  static Ints dot(const Ints& sum, const Codes& codes, const Codes& x) {
    return make<Ints>([&](std::size_t i) {
      std::int32_t total = sum[i];
      for (std::size_t j = 4 * i; j < 4 * i + 4; ++j)
        total += codes[j] * static_cast<std::int8_t>(x[j]);
      return total;
    });
  }
  static void store_scaled(const std::uint32_t (&bytes)[2], float factor, float* to) {
    for (int i = 0; i < 8; ++i)
      to[i] = factor * static_cast<float>(bytes[i / 4] >> i % 4 * 8 & 255U);
  }
  static void store_scaled_signed(std::uint64_t bytes, float factor, float* to) {
    for (int i = 0; i < 8; ++i)
      to[i] = factor * static_cast<float>(static_cast<std::int8_t>(bytes >> 8 * i & 255));
  }
  static constexpr int columns = 8, tile_vectors = 1;
  static Codes load_columns(const Byte* at) { return load(at); }
  static Codes all_four(const std::int8_t* at) {
    return make<Codes>([&](std::size_t i) { return static_cast<Byte>(at[i % 4]); });
  }
  static Ints all_ints(std::int32_t x) {
    return make<Ints>([&](std::size_t) { return x; });
  }
  static float first(const Floats& x) { return x[0]; }
  static void store_columns(const Codes (&rows)[8], Byte* to, std::int64_t step) {
    for (int four = 0; four < 8; ++four)
      for (int row = 0; row < 8; ++row)
        std::memcpy(to + four * step + row * 4, rows[row].data() + four * 4, 4);
  }
  static float magnitude(const float* x) {
    float largest = 0, check = 0;
    for (int i = 0; i < 32; ++i) {
      const float size = x[i] < 0 ? -x[i] : x[i];
      largest = size > largest ? size : largest;
      check += x[i] * 0;
    }
    return check == 0 ? largest : std::numeric_limits<float>::quiet_NaN();
  }
  static void store_rounded(const float* x, float factor, std::int8_t* codes) {
    constexpr float shift = 12582912;  // adding 1.5 * 2^23 rounds to an integer
    for (int i = 0; i < 32; ++i)
      codes[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(x[i] * factor + shift - shift));
  }
  static Ints no_ints() { return {}; }
  static Ints load_ints(const std::byte* at) {
    Ints result;
    std::memcpy(result.data(), at, sizeof result);
    return result;
  }
  static Floats load_floats(const float* at) {
    return make<Floats>([&](std::size_t i) { return at[i]; });
  }
  static Floats to_floats(const Ints& x) {
    return make<Floats>([&](std::size_t i) { return static_cast<float>(x[i]); });
  }
  static Floats all(float x) {
    return make<Floats>([&](std::size_t) { return x; });
  }
  static Floats all_half(const Byte* at) { return all(half(at)); }
  // at[0] in the first four lanes, at[1] in the others
  static Floats two(const float* at) {
    return make<Floats>([&](std::size_t i) { return at[i / 4]; });
  }
  // each of four twice
  static Floats twice(const float* at) {
    return make<Floats>([&](std::size_t i) { return at[i / 2]; });
  }
  static Floats negated(const Floats& x) {
    return make<Floats>([&](std::size_t i) { return -x[i]; });
  }
  // 8 codes less `zero`
  static Floats widen(const Byte* codes, int zero) {
    return make<Floats>([&](std::size_t i) { return static_cast<float>(codes[i] - zero); });
  }
  static Floats subtract(const Floats& a, const Floats& b) {
    return make<Floats>([&](std::size_t i) { return a[i] - b[i]; });
  }
  static Floats add(const Floats& a, const Floats& b) {
    return make<Floats>([&](std::size_t i) { return a[i] + b[i]; });
  }
  // The 8 lanes in one fixed order.
  static float total(const Floats& x) {
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
  }
  static Floats multiply(const Floats& a, const Floats& b) {
    return make<Floats>([&](std::size_t i) { return a[i] * b[i]; });
  }
  static Floats multiply_add(const Floats& a, const Floats& b, const Floats& sum) {
    return make<Floats>([&](std::size_t i) { return std::fma(a[i], b[i], sum[i]); });
  }
  static Floats subtract_product(const Floats& a, const Floats& b, const Floats& sum) {
    return make<Floats>([&](std::size_t i) { return std::fma(-a[i], b[i], sum[i]); });
  }
  template <bool bf16>
  static Floats halves(const Byte* at) {
    return make<Floats>([&](std::size_t i) {
      const std::uint16_t bits = layout::load_16(at + 2 * i);
      return bf16 ? std::bit_cast<float>(std::uint32_t{bits} << 16) : layout::half_value(bits);
    });
  }
  static void store(Byte* to, const Codes& x) { std::memcpy(to, x.data(), sizeof x); }
  static void store(float* to, const Floats& x) { std::memcpy(to, x.data(), sizeof x); }
};

#include "machine/native/encoded/blocks-inl.h"
//
#include "machine/native/encoded/dots-inl.h"
//
#include "machine/native/encoded/weigh-inl.h"
//
#include "machine/native/encoded/tall-inl.h"

constexpr EncodedKernels table = encoded_table<V>();

}  // namespace

const EncodedKernels* scalar_encoded_kernels() { return &table; }

}  // namespace pliant::native
