// What a way to do something costs, before it is emitted.
#pragma once

#include <cstdint>
#include <string>

namespace pliant::einsum {

// Relative times of the operations, one rotation's being 1: of our engine at a low level.
struct CostTable {
  double rotation = 1, hoisted = 0.45, diagonal = 0.15, plain_product = 0.5, product = 1.5,
         addition = 0.02;
  double level = 1.5;  // what a level more costs all that stands before it
};

struct Cost {
  std::int64_t rotations = 0;  // hoisted ones among them
  std::int64_t hoisted = 0, diagonals = 0, plain_products = 0, products = 0, additions = 0;
  int levels = 0;

  Cost& operator+=(const Cost& other);
  double weight(const CostTable& table) const;
};
Cost operator+(Cost a, const Cost& b);
Cost operator*(std::int64_t times, Cost cost);  // side by side: not the levels
// Bounds both from below, whatever else stands beside them: levels of several things are not added.
Cost least(const Cost& a, const Cost& b, const CostTable& table);
std::string to_string(const Cost& cost);

}  // namespace pliant::einsum
