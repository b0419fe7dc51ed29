#include "data/shards/order.h"

#include <bit>
#include <cassert>
#include <limits>
#include <numeric>

#include "core/rng.h"

namespace pliant::data {
namespace {

constexpr int rounds = 8;  // four are enough for large counts; small ones mix more slowly

}  // namespace

Permutation::Permutation(std::int64_t count, std::uint64_t key) : count_(count), key_(key) {
  assert(count >= 1);
  const int bits = std::bit_width(count_ - 1);
  half_bits_ = bits < 2 ? 1 : (bits + 1) / 2;
}

std::uint64_t Permutation::once(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_, right = value & mask;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t next = left ^ (Rng(key_ + round, right).bits() & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

std::int64_t Permutation::operator()(std::int64_t index) const {
  std::uint64_t value = index;
  do value = once(value);
  while (value >= count_);
  return static_cast<std::int64_t>(value);
}

Turns::Turns(std::span<const double> weights) : shares_(weights.begin(), weights.end()) {
  const double sum = std::accumulate(shares_.begin(), shares_.end(), 0.0);
  for (double& share : shares_) share /= sum;
}

// Among those who may come without getting too far ahead, who must come first.
std::size_t Turns::next(std::span<const std::int64_t> turns) const {
  const std::size_t count = shares_.size();
  if (count == 1) return 0;
  const double slack = 1.0 / (2.0 * static_cast<double>(count) - 2.0);
  const auto n = static_cast<double>(std::accumulate(turns.begin(), turns.end(), std::int64_t{1}));
  std::size_t best = 0, furthest = 0;
  double soonest = std::numeric_limits<double>::infinity(), most = -soonest;
  for (std::size_t i = 0; i < count; ++i) {
    const double behind = n * shares_[i] - static_cast<double>(turns[i]);
    const double deadline = (1 - slack - behind) / shares_[i];
    if (behind > most) most = behind, furthest = i;
    if (behind >= slack && deadline < soonest) soonest = deadline, best = i;
  }
  // with two sharers one stands at the slack exactly, and rounding may take it below
  return soonest < std::numeric_limits<double>::infinity() ? best : furthest;
}

}  // namespace pliant::data
