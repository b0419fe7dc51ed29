#include "machine/encrypted/graph/ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "graph/passes/passes.h"
#include "graph/reference/reference.h"

namespace pliant::encrypted {
namespace {

constexpr int kGridOfOne = 257;  // points of one interval
constexpr int kGridOfTwo = 65;   // of each of two

double at(const Interval& interval, int point, int points) {
  return interval.low + interval.width() * point / (points - 1);
}

void widen(Interval& interval, double value) { interval = hull(interval, {value, value}); }

class Observer {
 public:
  void see(const std::string& name, const TensorView& view) {
    for (std::int64_t i = 0; i < elements(view.type.shape); ++i) {
      const double value = get(view, i);
      if (!std::isfinite(value))
        throw Error(ErrorKind::invalid, "value " + name, fmt::format("element {} is {}", i, value),
                    "encrypted arithmetic needs finite numbers");
      widen(seen_.try_emplace(name, Interval{value, value}).first->second, value);
    }
  }
  Ranges take() { return std::move(seen_); }

 private:
  Ranges seen_;
};

}  // namespace

double Interval::magnitude() const { return std::max(std::abs(low), std::abs(high)); }

Interval hull(const Interval& a, const Interval& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Interval operator+(const Interval& a, const Interval& b) {
  return {a.low + b.low, a.high + b.high};
}

Interval operator*(const Interval& a, const Interval& b) {
  const auto [low, high] =
      std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  return {low, high};
}

Interval sampled(Fn fn, std::span<const Interval> operands) {
  const std::vector<Expr> arguments{argument(0), argument(1), argument(2)};
  const Expr expr = apply(fn, {arguments.begin(), arguments.begin() + arity(fn)});
  if (operands.size() == 1)
    return sampled([&](double x) { return evaluate(expr, std::span(&x, 1)); }, operands[0]);
  Interval result{INFINITY, -INFINITY};
  for (int i = 0; i < kGridOfTwo; ++i)
    for (int j = 0; j < kGridOfTwo; ++j) {
      const std::vector<double> values{at(operands[0], i, kGridOfTwo),
                                       at(operands[1], j, kGridOfTwo)};
      widen(result, evaluate(expr, values));
    }
  return result;
}

Interval sampled(const std::function<double(double)>& function, const Interval& operand) {
  Interval result{INFINITY, -INFINITY};
  for (int i = 0; i < kGridOfOne; ++i) widen(result, function(at(operand, i, kGridOfOne)));
  return result;
}

Ranges observe_ranges(const Graph& graph, const WeightStore& weights,
                      std::span<const std::vector<TensorView>> samples, double margin,
                      ThreadPool& pool) {
  const Graph core = decompose(graph);
  Observer moving, fixed;
  const EvaluateOptions options{.observe = [&](ValueId id, const TensorView& view) {
    moving.see(core.value(id).name, view);
  }};
  for (const std::vector<TensorView>& inputs : samples) {
    evaluate(core, weights, inputs, pool, options);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      moving.see(core.value(core.inputs()[i]).name, inputs[i]);
  }
  for (const Value& value : core.values()) {
    if (value.role == Role::weight) fixed.see(value.name, decode(weights.at(value.name)).view());
    if (value.role == Role::constant) fixed.see(value.name, value.constant->view());
  }
  Ranges ranges = moving.take();
  for (auto& [name, interval] : ranges) {
    const double more = margin * interval.width() / 2;
    interval = {interval.low - more, interval.high + more};
  }
  ranges.merge(fixed.take());
  return ranges;
}

}  // namespace pliant::encrypted
