// In what order things come: permutations that need no memory, and turns that keep proportions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant::data {

// A shuffled order of 0 to count - 1, computed at each place: a Feistel network over the next power
// of four, walked until it falls inside (Black, Rogaway: Ciphers with arbitrary finite domains,
// 2002).
class Permutation {
 public:
  Permutation(std::int64_t count, std::uint64_t key);  // count >= 1
  std::int64_t operator()(std::int64_t index) const;

 private:
  std::uint64_t once(std::uint64_t value) const;

  std::uint64_t count_, key_;
  int half_bits_ = 1;
};

// Whose turn it is. After any number n of turns, i had n * share_i of them within 1 - 1 / (2k - 2)
// for k sharers (Tijdeman, The chairman assignment problem, Discrete Mathematics 32, 1980).
class Turns {
 public:
  explicit Turns(std::span<const double> weights);              // >= 0, one of them above
  std::size_t next(std::span<const std::int64_t> turns) const;  // `turns`: that each had so far

 private:
  std::vector<double> shares_;
};

}  // namespace pliant::data
