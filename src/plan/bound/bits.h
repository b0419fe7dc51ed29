// Sets of small integers as words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pliant::plan {

using Bitset = std::vector<std::uint64_t>;

inline std::size_t words_for(std::size_t bits) { return (bits + 63) / 64; }
inline bool has(const std::uint64_t* words, std::size_t bit) {
  return words[bit / 64] >> (bit % 64) & 1;
}
inline bool has(const Bitset& words, std::size_t bit) { return has(words.data(), bit); }
inline void put(std::uint64_t* words, std::size_t bit) {
  words[bit / 64] |= std::uint64_t{1} << (bit % 64);
}
inline void put(Bitset& words, std::size_t bit) { put(words.data(), bit); }
inline void take_out(std::uint64_t* words, std::size_t bit) {
  words[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
}

template <typename Visit>
void each_bit(std::uint64_t word, std::size_t base, Visit&& visit) {
  for (; word != 0; word &= word - 1) visit(base + std::countr_zero(word));
}

}  // namespace pliant::plan
