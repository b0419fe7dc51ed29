// Randomness for encryption: ChaCha20 streams from a 32-byte seed, the seed from the operating
// system.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/kernels/word.h"

namespace pliant::ckks {

using Seed = std::array<std::uint8_t, 32>;
using Hash = std::array<std::uint8_t, 32>;

Seed fresh_seed();  // from the operating system; safe from any thread and after fork()
Hash blake2b(std::span<const std::byte> bytes);

// One stream of a seed: the bytes depend on (seed, stream) alone. Wiped when it goes. One thread at
// a time.
class RandomStream {
 public:
  RandomStream();  // of a seed from the operating system that nothing else has
  RandomStream(const Seed& seed, u64 stream) : seed_(seed), stream_(stream) {}
  ~RandomStream();
  RandomStream(const RandomStream&) = delete;
  RandomStream& operator=(const RandomStream&) = delete;
  u64 bits();  // 64 of them
  std::uint8_t byte();

 private:
  void refill();
  Seed seed_;
  u64 stream_ = 0;
  std::uint32_t block_ = 0;
  std::array<std::uint8_t, 4096> buffer_{};
  std::size_t used_ = sizeof buffer_;
};

// Uniform residues by rejection: without bias.
void sample_uniform(RandomStream& stream, std::span<u64> out, const Modulus& m);
// -1, 0, 1 with equal probability: two bits at a time, 3 rejected. No branch or address depends on
// an accepted value.
void sample_ternary(RandomStream& stream, std::span<std::int64_t> out);
// Centred binomial with 21 pairs of bits: variance 10.5, standard deviation 3.24; constant time.
void sample_error(RandomStream& stream, std::span<std::int64_t> out);
// Normal integers for noise flooding (not constant time: the deviation is public, and the values
// hide noise only). Those too large for a double are sums of two, of which one is a multiple of a
// power of two and the other, of eight times that power in deviation, fills what it leaves.
// Immutable.
class NormalSampler {
 public:
  static constexpr double kMost = 0x1p90;
  explicit NormalSampler(double deviation);  // at least 0, below kMost
  i128 draw(RandomStream& stream) const;

 private:
  int shift_ = 0;
  double high_ = 0, low_ = 0;  // deviations
};

constexpr double kErrorDeviation = 3.2403703492039302;  // sqrt(10.5)

}  // namespace pliant::ckks
