#include "alternatives.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "machine/encrypted/einsum/benchmarks.h"
#include "measure.h"

namespace pliant::bench {
namespace {

using einsum::Plan;

constexpr int kPlans = 4;

std::vector<Plan> plans_of(const einsum::Benchmark& benchmark) {
  einsum::Stage stage{benchmark.expression, {}};
  for (std::size_t i = 0; i < benchmark.shapes.size(); ++i)
    stage.operands.push_back(static_cast<int>(i));
  return einsum::alternatives(std::span(&stage, 1), einsum::all_secret(benchmark.shapes),
                              {.canonical = true}, kPlans);
}

class Alternatives {
 public:
  void run(const einsum::Benchmark& benchmark) {
    std::vector<Plan> plans = plans_of(benchmark);
    int level = 3;
    for (const Plan& plan : plans) level = std::max(level, plan.levels());
    auto& timed = engines_[level];
    if (!timed) timed.emplace(level);
    const std::vector<Tensor> tensors = random_tensors(benchmark.shapes),
                              expected = answers(benchmark.expression, tensors);
    std::vector<double> measured, predicted;
    std::string row = fmt::format("{:<18}", benchmark.name);
    for (Plan& plan : plans) {
      plan = at_level(std::move(plan), level);
      const Measured took = measure(timed->engine, plan, tensors, expected);
      const einsum::Prediction told = einsum::predict(plan.program, timed->times);
      measured.push_back(took.ms + took.encode_ms);
      predicted.push_back(1000 * (told.evaluation + told.encoding));
      row += fmt::format("{:>8.1f} ({:.2f})", measured.back(), predicted.back() / measured.back());
    }
    const double best = *std::ranges::min_element(measured);
    const auto quickest = std::ranges::min_element(predicted) - predicted.begin();
    by_weight_.push_back(measured[0] / best);
    by_times_.push_back(measured[static_cast<std::size_t>(quickest)] / best);
    predictions_.push_back(predicted[0] / measured[0]);
    fmt::print("{}   chosen / best {:.2f}, by predicted times {:.2f}\n", row, by_weight_.back(),
               by_times_.back());
    std::fflush(stdout);
  }

  void summary() const {
    if (by_weight_.empty()) return;
    fmt::print(
        "chosen / best: at most {:.2f} by weights, {:.2f} by predicted times; predicted / measured "
        "of the chosen: {:.2f} to {:.2f}, {:.2f} in the geometric mean\n",
        *std::ranges::max_element(by_weight_), *std::ranges::max_element(by_times_),
        *std::ranges::min_element(predictions_), *std::ranges::max_element(predictions_),
        geometric_mean(predictions_));
  }

 private:
  std::map<int, std::optional<Timed>> engines_;
  std::vector<double> by_weight_, by_times_, predictions_;
};

}  // namespace

void run_alternatives(const std::set<std::string>& only) {
  fmt::print(
      "ms with encoding (predicted / measured) of the chosen plan and its cheapest alternatives\n");
  Alternatives alternatives;
  for (const einsum::Benchmark& each : einsum::kBenchmarks)
    if (only.empty() || only.contains(each.name)) alternatives.run(each);
  alternatives.summary();
}

}  // namespace pliant::bench
