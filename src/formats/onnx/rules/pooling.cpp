// Pools and reductions over all spatial axes.
#include <fmt/format.h>

#include <algorithm>

#include "formats/onnx/rules/build.h"
#include "formats/onnx/rules/windows.h"

namespace pliant::onnx {

namespace {
namespace pooling {

Windows pool_windows(Call& c) {
  if (c.rank(0) < 3)
    c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,spatial...] expected");
  const auto size = c.integers("kernel_shape");
  if (!size || static_cast<int>(size->size()) != c.rank(0) - 2)
    c.fail("kernel_shape does not fit its operand");
  return windows_of(c, *size);
}

kind::Pool pool_kind(kind::PoolFn fn, const Windows& w) {
  return {fn, w.size, w.stride, w.low, w.high, w.dilation, false};
}

Results max_pool(Call& c) {
  if (c.wants(1)) throw NotMapped{"positions of the maxima"};
  Windows windows = pool_windows(c);
  apply_ceil_mode(c, windows);
  return {c.b.pool(c.in(0), pool_kind(kind::PoolFn::max, windows))};
}

ValueId padded(Call& c, Windows& windows) {
  kind::Pad pad;
  pad.low = {0, 0}, pad.high = {0, 0};
  pad.low.insert(pad.low.end(), windows.low.begin(), windows.low.end());
  pad.high.insert(pad.high.end(), windows.high.begin(), windows.high.end());
  windows.low.assign(windows.low.size(), 0), windows.high = windows.low;
  return c.b.pad(c.in(0), pad);
}

Results average_pool(Call& c) {
  Windows windows = pool_windows(c), ceiled = windows;
  apply_ceil_mode(c, ceiled);
  const bool include = c.integer("count_include_pad", 0) != 0;
  kind::Pool pool = pool_kind(kind::PoolFn::mean, ceiled);
  pool.divide_by_valid = !include;
  if (!include || ceiled.high == windows.high) return {c.b.pool(c.in(0), pool)};
  // the file's padding counts, what ceil_mode adds does not: pad first
  const Integers high = windows.high;
  const ValueId x = padded(c, windows);
  for (std::size_t i = 0; i < high.size(); ++i) windows.high[i] = ceiled.high[i] - high[i];
  pool = pool_kind(kind::PoolFn::mean, windows);
  pool.divide_by_valid = true;
  return {c.b.pool(x, pool)};
}

ValueId to_power(Call& c, ValueId x, double p) {
  const Expr size = unary(Fn::absolute, argument(0));
  return c.b.map(p == 1   ? size
                 : p == 2 ? argument(0) * argument(0)
                          : power(size, p),
                 {x}, c.type(0).dtype);
}

ValueId root(Call& c, ValueId x, double p, double scale) {
  const Expr sum = argument(0) * constant(scale);
  return c.b.map(p == 2 ? unary(Fn::sqrt, sum) : power(sum, 1 / p), {x}, c.type(0).dtype);
}

Results lp_pool(Call& c) {
  Windows windows = pool_windows(c);
  apply_ceil_mode(c, windows);
  const double p = c.integer("p", 2);
  double count = 1;
  for (auto size : windows.size) count *= size;
  const ValueId mean = c.b.pool(to_power(c, c.in(0), p), pool_kind(kind::PoolFn::mean, windows));
  return {root(c, mean, p, count)};
}

std::vector<int> spatial_axes(const Call& c) {
  if (c.rank(0) < 3)
    c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,spatial...] expected");
  return axis_range(2, c.rank(0));
}

Results global_mean(Call& c) {
  return {c.b.reduce(kind::ReduceFn::mean, c.in(0), spatial_axes(c), true)};
}
Results global_max(Call& c) {
  return {c.b.reduce(kind::ReduceFn::max, c.in(0), spatial_axes(c), true)};
}

Results global_lp(Call& c) {
  const double p = c.integer("p", 2);
  return {root(c, c.b.reduce(kind::ReduceFn::sum, to_power(c, c.in(0), p), spatial_axes(c), true),
               p, 1)};
}

constexpr RuleEntry rules[] = {
    {"AveragePool", average_pool}, {"GlobalAveragePool", global_mean},
    {"GlobalLpPool", global_lp},   {"GlobalMaxPool", global_max},
    {"LpPool", lp_pool},           {"MaxPool", max_pool},
};

}  // namespace pooling
}  // namespace

std::span<const RuleEntry> pooling_rules() { return pooling::rules; }

}  // namespace pliant::onnx
