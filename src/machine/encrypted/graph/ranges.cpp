#include "machine/encrypted/graph/ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "graph/passes/passes.h"
#include "graph/reference/reference.h"

namespace pliant::encrypted {
namespace {

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
