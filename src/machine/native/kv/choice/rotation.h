// How a model turns queries and keys by their positions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant::kv {

struct Rotation {
  // Of each pair of numbers, radians a position; pairs (i, i + their number), or (2i, 2i + 1). What
  // is behind them is not turned; none: nothing is.
  std::vector<double> frequencies;
  bool neighbours = false;
};

// The cosine and sine of each pair, and what they make of a vector.
struct Turn {
  std::vector<double> cosines, sines;
  bool neighbours = false;
  void apply(std::span<float> x) const;
};

// By a position below 0, what turns back.
Turn turn(const Rotation& rotation, std::int64_t position);
// The mean over positions [first, first + count): no turn, but as linear.
Turn mean_turn(const Rotation& rotation, std::int64_t first, std::int64_t count);

}  // namespace pliant::kv
