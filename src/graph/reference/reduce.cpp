#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

double log_sum_exp(const TensorView& x, std::int64_t base, const Offsets& reduced) {
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const auto at : reduced) {
    const double value = read(x, base + at);
    if (value > most || std::isnan(value)) most = value;
  }
  if (std::isinf(most)) return most;
  for (const auto at : reduced) sum += std::exp(read(x, base + at) - most);
  return most + std::log(sum);
}

// The largest or smallest; NaN wins, as in numpy.
template <typename Better>
double extreme(const TensorView& x, std::int64_t base, const Offsets& reduced, double start,
               const Better& better) {
  for (const auto at : reduced) {
    const double value = read(x, base + at);
    if (better(value, start) || std::isnan(value)) start = value;
  }
  return start;
}

std::int64_t first_largest(const TensorView& x, std::int64_t base, const Offsets& reduced) {
  std::int64_t best = 0;
  for (std::size_t i = 1; i < reduced.size(); ++i) {
    const auto candidate = base + reduced[i], leader = base + reduced[best];
    const bool larger = is_integer(x) ? get_int(x, candidate) > get_int(x, leader)
                                      : read(x, candidate) > read(x, leader);
    if (larger) best = static_cast<std::int64_t>(i);
  }
  return best;
}

double reduce_float(kind::ReduceFn fn, const TensorView& x, std::int64_t base,
                    const Offsets& reduced) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double result = fn == kind::ReduceFn::product ? 1 : 0;
  switch (fn) {
    case kind::ReduceFn::sum:
    case kind::ReduceFn::mean:
      for (const auto at : reduced) result += read(x, base + at);
      return fn == kind::ReduceFn::mean ? result / static_cast<double>(reduced.size()) : result;
    case kind::ReduceFn::product:
      for (const auto at : reduced) result *= read(x, base + at);
      return result;
    case kind::ReduceFn::max: return extreme(x, base, reduced, -infinity, std::greater<>{});
    case kind::ReduceFn::min: return extreme(x, base, reduced, infinity, std::less<>{});
    case kind::ReduceFn::logsumexp: return log_sum_exp(x, base, reduced);
    case kind::ReduceFn::argmax: return static_cast<double>(first_largest(x, base, reduced));
  }
  return result;
}

// Exact 64-bit integers, wrapping; only for the functions whose result is one.
std::int64_t reduce_integer(kind::ReduceFn fn, const TensorView& x, std::int64_t base,
                            const Offsets& reduced) {
  if (fn == kind::ReduceFn::argmax) return first_largest(x, base, reduced);
  std::uint64_t sum = fn == kind::ReduceFn::product ? 1 : 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::min(),
               least = std::numeric_limits<std::int64_t>::max();
  for (const auto at : reduced) {
    const std::int64_t value = get_int(x, base + at);
    if (fn == kind::ReduceFn::product) sum *= static_cast<std::uint64_t>(value);
    else sum += static_cast<std::uint64_t>(value);
    most = std::max(most, value);
    least = std::min(least, value);
  }
  if (fn == kind::ReduceFn::max) return most;
  return fn == kind::ReduceFn::min ? least : static_cast<std::int64_t>(sum);
}

}  // namespace

void reduce(kind::ReduceFn fn, const TensorView& x, const Offsets& kept, const Offsets& reduced,
            const TensorView& out, ThreadPool& pool) {
  const bool exact = is_integer(x) && is_integer(out) && fn != kind::ReduceFn::mean &&
                     fn != kind::ReduceFn::logsumexp;
  const auto grain = 4096 / static_cast<std::int64_t>(reduced.size() + 1) + 1;
  for_ranges(pool, static_cast<std::int64_t>(kept.size()), grain,
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t i = begin; i < end; ++i) {
                 const std::int64_t base = kept[i];
                 if (exact) set_int(out, i, reduce_integer(fn, x, base, reduced));
                 else write(out, i, reduce_float(fn, x, base, reduced));
               }
             });
}

void evaluate(const kind::Reduce& kind, const OperatorCall& call) {
  const TensorView& x = call.in[0];
  const auto all = strides(x.type.shape);
  Shape kept_sizes, reduced_sizes;
  Offsets kept_strides, reduced_strides;
  for (std::size_t axis = 0; axis < all.size(); ++axis) {
    const bool gone = std::ranges::find(kind.axes, static_cast<int>(axis)) != kind.axes.end();
    (gone ? reduced_sizes : kept_sizes).push_back(x.type.shape[axis]);
    (gone ? reduced_strides : kept_strides).push_back(all[axis]);
  }
  reduce(kind.fn, x, box(kept_sizes, kept_strides), box(reduced_sizes, reduced_strides),
         call.out[0], call.pool);
}

void evaluate(const kind::Map& map, const OperatorCall& call) {
  const TensorView& out = call.out[0];
  std::vector<Offsets> tables;  // per operand: its element for each element of the result
  for (const TensorView& operand : call.in) {
    const auto own = strides(operand.type.shape);
    Offsets spread(out.type.shape.size(), 0);
    const std::size_t lead = spread.size() - own.size();
    for (std::size_t axis = 0; axis < own.size(); ++axis)
      if (operand.type.shape[axis] != 1) spread[lead + axis] = own[axis];
    tables.push_back(box(out.type.shape, spread));
  }
  const bool integers = is_integer(out) && std::ranges::all_of(call.in, is_integer);
  for_ranges(call.pool, elements(out.type.shape), 1024, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> reals(call.in.size());
    std::vector<std::int64_t> whole(call.in.size());
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t k = 0; k < tables.size(); ++k) {
        const std::int64_t at = tables[k][i];
        if (integers) whole[k] = get_int(call.in[k], at);
        else reals[k] = read(call.in[k], at);
      }
      if (integers) set_int(out, i, evaluate_int(map.expr, whole));
      else write(out, i, pliant::evaluate(map.expr, reals));
    }
  });
}

}  // namespace pliant::reference
