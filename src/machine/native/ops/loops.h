// Loops over strided axes, and how work is handed to the pool.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/pool.h"
#include "core/tensor.h"

namespace pliant::native {

// One axis of a loop nest with its stride in each of several operands (in elements).
template <std::size_t operands>
struct Axis {
  std::int64_t size = 1;
  std::array<std::int64_t, operands> stride{};
  bool rows = false;  // holds the row axis: shrinks with the rows of a run
};

template <std::size_t operands>
using Nest = std::vector<Axis<operands>>;  // outermost first

// Rows of one run of a kernel compiled for `capacity` rows.
struct Rows {
  std::int64_t count = 0, capacity = 0;
  template <std::size_t operands>
  std::int64_t size(const Axis<operands>& axis) const {
    return axis.rows ? axis.size / capacity * count : axis.size;
  }
  std::int64_t scale(std::int64_t size, bool rows) const {
    return rows ? size / capacity * count : size;
  }
};

// Drops axes of size 1 and merges neighbours that every operand walks as one.
template <std::size_t operands>
Nest<operands> merge(const Nest<operands>& nest) {
  Nest<operands> result;
  for (const Axis<operands>& axis : nest) {
    if (axis.size == 1 && !axis.rows) continue;
    bool joins = !result.empty() && !axis.rows;
    for (std::size_t i = 0; joins && i < operands; ++i)
      joins = result.back().stride[i] == axis.stride[i] * axis.size;
    if (!joins) {
      result.push_back(axis);
      continue;
    }
    result.back().size *= axis.size;
    result.back().stride = axis.stride;
  }
  return result;
}

template <std::size_t operands>
std::int64_t count(const Nest<operands>& nest, const Rows& rows) {
  std::int64_t product = 1;
  for (const Axis<operands>& axis : nest) product *= rows.size(axis);
  return product;
}

// The offsets of iteration `index` of the nest.
template <std::size_t operands>
std::array<std::int64_t, operands> offsets(const Nest<operands>& nest, std::int64_t index,
                                           const Rows& rows) {
  std::array<std::int64_t, operands> result{};
  for (std::size_t a = nest.size(); a-- > 0;) {
    const std::int64_t size = rows.size(nest[a]), i = index % size;
    index /= size;
    for (std::size_t k = 0; k < operands; ++k) result[k] += i * nest[a].stride[k];
  }
  return result;
}

// Calls body(offsets) for every iteration, in order.
template <std::size_t operands, typename Body>
void walk(const Nest<operands>& nest, const Rows& rows, const Body& body) {
  constexpr std::size_t deepest = 64;
  assert(nest.size() <= deepest);
  std::array<std::int64_t, deepest> index{};
  std::array<std::int64_t, operands> at{};
  const std::int64_t total = count(nest, rows);
  for (std::int64_t done = 0; done < total; ++done) {
    body(at);
    for (std::size_t a = nest.size(); a-- > 0;) {
      const std::int64_t size = rows.size(nest[a]);
      for (std::size_t k = 0; k < operands; ++k) at[k] += nest[a].stride[k];
      if (++index[a] < size) break;
      for (std::size_t k = 0; k < operands; ++k) at[k] -= size * nest[a].stride[k];
      index[a] = 0;
    }
  }
}

// task(index) for each index in [0, count); does not allocate, whatever the task captures.
template <typename Task>
void each(ThreadPool& pool, std::int64_t count, const Task& task) {
  const auto run = [&task](std::int64_t index, int) { task(index); };
  pool.parallel(count, std::ref(run));
}

// [0, size) in pieces of at most `grain`: task(first, last).
template <typename Task>
void pieces(ThreadPool& pool, std::int64_t size, std::int64_t grain, const Task& task) {
  each(pool, (size + grain - 1) / grain, [&](std::int64_t i) {
    task(i * grain, i * grain + grain < size ? i * grain + grain : size);
  });
}

}  // namespace pliant::native
