#include "machine/encrypted/ckks/context/random.h"

#include <sodium.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.h"

namespace pliant::ckks {

namespace {

void start_sodium() {
  static const int state = sodium_init();
  if (state < 0) throw Error(ErrorKind::io, "random numbers", "the operating system gives none");
}

}  // namespace

Seed fresh_seed() {
  start_sodium();
  Seed seed;
  randombytes_buf(seed.data(), seed.size());
  return seed;
}

Hash blake2b(std::span<const std::byte> bytes) {
  Hash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size(), nullptr, 0);
  return hash;
}

RandomStream::RandomStream() {
  start_sodium();
  randombytes_buf(seed_.data(), seed_.size());
}

RandomStream::~RandomStream() {
  sodium_memzero(seed_.data(), seed_.size());
  sodium_memzero(buffer_.data(), buffer_.size());
}

void RandomStream::refill() {
  static_assert(sizeof(stream_) == crypto_stream_chacha20_NONCEBYTES);
  unsigned char nonce[crypto_stream_chacha20_NONCEBYTES];
  for (std::size_t i = 0; i < sizeof nonce; ++i)
    nonce[i] = static_cast<unsigned char>(stream_ >> (8 * i));
  std::memset(buffer_.data(), 0, buffer_.size());
  crypto_stream_chacha20_xor_ic(buffer_.data(), buffer_.data(), buffer_.size(), nonce,
                                u64{block_} * (sizeof buffer_ / 64), seed_.data());
  ++block_;
  used_ = 0;
}

u64 RandomStream::bits() {
  if (used_ + 8 > buffer_.size()) refill();
  u64 value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= u64{buffer_[used_ + i]} << (8 * i);
  used_ += 8;
  return value;
}

std::uint8_t RandomStream::byte() {
  if (used_ == buffer_.size()) refill();
  return buffer_[used_++];
}

void sample_uniform(RandomStream& stream, std::span<u64> out, const Modulus& m) {
  const u64 mask = ~u64{0} >> std::countl_zero(m.q);
  for (u64& value : out) {
    do value = stream.bits() & mask;
    while (value >= m.q);
  }
}

void sample_ternary(RandomStream& stream, std::span<std::int64_t> out) {
  u64 pool = 0;
  int left = 0;
  for (std::int64_t& value : out) {
    std::int64_t two = 3;
    while (two == 3) {
      if (left == 0) {
        pool = stream.bits();
        left = 32;
      }
      two = pool & 3;
      pool >>= 2;
      --left;
    }
    value = two - 1;
  }
  sodium_memzero(&pool, sizeof pool);
}

void sample_error(RandomStream& stream, std::span<std::int64_t> out) {
  constexpr u64 mask = (u64{1} << 21) - 1;
  for (std::int64_t& value : out) {
    // Bits are counted by shifts and masks: std::popcount may be a table on processors without the
    // instruction.
    const auto count = [](u64 x) {
      x -= x >> 1 & 0x5555555555555555u;
      x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
      x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
      return static_cast<std::int64_t>(x * 0x0101010101010101u >> 56);
    };
    const u64 bits = stream.bits();
    value = count(bits & mask) - count(bits >> 21 & mask);
  }
}

NormalSampler::NormalSampler(double deviation) : low_(deviation) {
  if (deviation < 0x1p20) return;
  shift_ = std::ilogb(deviation) / 2;
  low_ = std::ldexp(8, shift_);
  high_ = std::ldexp(std::sqrt(deviation * deviation - low_ * low_), -shift_);
}

i128 NormalSampler::draw(RandomStream& stream) const {
  const auto unit = [&] { return ((stream.bits() >> 11) + 0.5) * 0x1p-53; };
  const auto normal = [&](double deviation) {
    const double radius = std::sqrt(-2 * std::log(unit()));
    const double value = deviation * radius * std::cos(2 * std::numbers::pi * unit());
    return static_cast<i128>(std::floor(value + 0.5));  // nearest would make ties even
  };
  const i128 low = normal(low_);
  return shift_ == 0 ? low : low + normal(high_) * (i128{1} << shift_);
}

}  // namespace pliant::ckks
