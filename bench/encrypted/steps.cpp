#include "steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/backend/watched.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "measure.h"

namespace pliant::bench {
namespace {

using einsum::Backend;
using einsum::Operation;
using einsum::Plan;
using Times = std::map<Operation, double>;  // ms

constexpr int kRuns = 5;

// Times every operation.
class Itemized : public einsum::Watched {
  template <typename Work>
  auto timed(Operation operation, const Work& work) {
    const double begin = cpu_ms();
    auto result = work();
    times_[operation] += cpu_ms() - begin;
    return result;
  }

 public:
  explicit Itemized(Backend& backend) : Watched(backend, [] {}) {}
  Times take() { return std::exchange(times_, {}); }

  Plaintext encode(std::span<const double> values, int level, double bound) override {
    return timed(Operation::encoding, [&] { return Watched::encode(values, level, bound); });
  }
  Cipher add(const Cipher& a, const Cipher& b) override {
    return timed(Operation::addition, [&] { return Watched::add(a, b); });
  }
  Cipher add_plain(const Cipher& a, const Plaintext& b) override {
    return timed(Operation::addition, [&] { return Watched::add_plain(a, b); });
  }
  Cipher negate(const Cipher& a) override {
    return timed(Operation::addition, [&] { return Watched::negate(a); });
  }
  Cipher multiply(const Cipher& a, const Cipher& b) override {
    return timed(Operation::product, [&] { return Watched::multiply(a, b); });
  }
  Cipher multiply_plain(const Cipher& a, const Plaintext& b) override {
    return timed(Operation::plain_product, [&] { return Watched::multiply_plain(a, b); });
  }
  Cipher relinearize(const Cipher& a) override {
    return timed(Operation::relinearization, [&] { return Watched::relinearize(a); });
  }
  Cipher relinearize_rescale(const Cipher& a) override {
    return timed(Operation::relinearization, [&] { return Watched::relinearize_rescale(a); });
  }
  Cipher rescale(const Cipher& a) override {
    return timed(Operation::rescale, [&] { return Watched::rescale(a); });
  }
  Cipher lower(const Cipher& a, int level) override {
    return timed(Operation::lowering, [&] { return Watched::lower(a, level); });
  }
  Cipher rotate(const Cipher& a, std::int64_t steps) override {
    return timed(Operation::rotation, [&] { return Watched::rotate(a, steps); });
  }
  Ready prepare(const einsum::Transform& how, const Values& values, int level) override {
    return timed(Operation::diagonal_encoding,
                 [&] { return Watched::prepare(how, values, level); });
  }
  std::vector<Cipher> transform(std::span<const Cipher> of, const Ready& how,
                                double magnitude) override {
    return timed(Operation::transform, [&] { return Watched::transform(of, how, magnitude); });
  }

 private:
  Times times_;
};

struct Spent {
  Times operations;  // medians of the runs
  double encoding = 0, evaluation = 0;
};

Spent spent(einsum::Engine& engine, const Plan& plan, const std::vector<Tensor>& tensors) {
  const std::vector<TensorView> in = views(tensors);
  engine.make_keys(einsum::keys(plan.program));
  const auto inputs = einsum::encrypt(plan, engine, in);
  Itemized backend(engine);
  Spent result;
  einsum::Prepared prepared;
  // The medians of some runs, of each operation and of all.
  const auto median_ms = [&](const auto& work) {
    std::map<Operation, std::vector<double>> runs;
    std::vector<double> all;
    for (int run = 0; run < kRuns; ++run) {
      const double begin = cpu_ms();
      work();
      all.push_back(cpu_ms() - begin);
      for (const auto& [operation, ms] : backend.take()) runs[operation].push_back(ms);
    }
    for (const auto& [operation, times] : runs) result.operations[operation] = median(times);
    return median(all);
  };
  result.encoding = median_ms([&] {
    prepared = {};
    prepared = einsum::prepare(plan, backend, in);
  });
  result.evaluation = median_ms([&] { einsum::evaluate(plan, backend, inputs, prepared); });
  return result;
}

void print(std::string_view what, std::int64_t count, double measured, double predicted) {
  fmt::print("  {:<24}{:>6}{:>10.2f}{:>10.2f}{:>8.2f}\n", what, count, measured, predicted,
             predicted / measured);
}

class Steps {
 public:
  void run(const einsum::Benchmark& benchmark) {
    Plan plan = einsum::plan(benchmark.expression, einsum::all_secret(benchmark.shapes),
                             {.canonical = true});
    const int level = std::max(3, plan.levels());
    plan = at_level(std::move(plan), level);
    auto& timed = engines_[level];
    if (!timed) timed.emplace(level);
    const einsum::Prediction told = einsum::predict(plan.program, timed->times);
    const Spent took = spent(timed->engine, plan, random_tensors(benchmark.shapes));
    fmt::print("{}\n", benchmark.name);
    for (auto [operation, part] : told.parts) {
      if (operation == Operation::error) continue;  // measured within the sums
      if (operation == Operation::addition && told.parts.contains(Operation::error))
        part.seconds += told.parts.at(Operation::error).seconds;
      print(einsum::name(operation), part.count, took.operations.at(operation),
            1000 * part.seconds);
    }
    print("evaluation", 1, took.evaluation, 1000 * told.evaluation);
    print("evaluation, encoding", 1, took.evaluation + took.encoding,
          1000 * (told.evaluation + told.encoding));
    std::fflush(stdout);
    evaluation_.push_back(1000 * told.evaluation / took.evaluation);
    all_.push_back(1000 * (told.evaluation + told.encoding) / (took.evaluation + took.encoding));
  }

  void summary() const {
    if (evaluation_.empty()) return;
    print_range("evaluation", evaluation_);
    print_range("with encoding", all_);
  }

 private:
  static void print_range(const char* what, const std::vector<double>& ratios) {
    fmt::print("predicted / measured, {}: {:.2f} to {:.2f}, {:.2f} in the geometric mean\n", what,
               *std::ranges::min_element(ratios), *std::ranges::max_element(ratios),
               geometric_mean(ratios));
  }
  std::map<int, std::optional<Timed>> engines_;
  std::vector<double> evaluation_, all_;
};

}  // namespace

void run_steps(const std::set<std::string>& only) {
  fmt::print("{:<26}{:>6}{:>10}{:>10}\n", "", "count", "ms", "predicted");
  Steps steps;
  for (const einsum::Benchmark& each : einsum::kBenchmarks)
    if (only.empty() || only.contains(each.name)) steps.run(each);
  steps.summary();
}

}  // namespace pliant::bench
