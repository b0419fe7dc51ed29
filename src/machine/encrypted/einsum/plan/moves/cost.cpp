#include "machine/encrypted/einsum/plan/moves/cost.h"

#include <fmt/format.h>

#include <algorithm>

namespace pliant::einsum {

Cost& Cost::operator+=(const Cost& other) {
  rotations += other.rotations;
  hoisted += other.hoisted;
  diagonals += other.diagonals;
  plain_products += other.plain_products;
  products += other.products;
  additions += other.additions;
  levels += other.levels;
  return *this;
}

double Cost::weight(const CostTable& table) const {
  const auto times = [](std::int64_t count, double each) {
    return static_cast<double>(count) * each;
  };
  return times(rotations - hoisted, table.rotation) + times(hoisted, table.hoisted) +
         times(diagonals, table.diagonal) + times(plain_products, table.plain_product) +
         times(products, table.product) + times(additions, table.addition) + levels * table.level;
}

Cost operator+(Cost a, const Cost& b) { return a += b; }

Cost operator*(std::int64_t times, Cost cost) {
  cost.rotations *= times;
  cost.hoisted *= times;
  cost.diagonals *= times;
  cost.plain_products *= times;
  cost.products *= times;
  cost.additions *= times;
  return cost;
}

Cost least(const Cost& a, const Cost& b, const CostTable& table) {
  Cost first = a, second = b;
  first.levels = second.levels = 0;
  Cost result = second.weight(table) < first.weight(table) ? second : first;
  result.levels = std::min(a.levels, b.levels);
  return result;
}

std::string to_string(const Cost& cost) {
  return fmt::format("{} rotations, {} diagonals, {} plain products, {} products, {} levels",
                     cost.rotations, cost.diagonals, cost.plain_products, cost.products,
                     cost.levels);
}

}  // namespace pliant::einsum
