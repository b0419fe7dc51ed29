// Training steps of OpenELM shapes on libtorch, one thread: tokens per CPU second with fused
// operators and without, run alternately, beside the rate of matrix products in the same run.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/rng.h"
#include "graph/builder.h"
#include "machine/torch/blas.h"
#include "machine/torch/learner.h"
#include "machine/torch/torch.h"
#include "models/language/openelm.h"
#include "models/language/random.h"

namespace pliant {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

constexpr std::int64_t sequence = 256, batch = 8, rows = sequence * batch;

struct Model {
  std::string name;
  LanguageConfig config;
};

LanguageConfig scaled(std::int64_t vocabulary, const openelm::BlockSizes& sizes) {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.vocabulary = vocabulary;
  config.width = sizes.width;
  config.head_width = sizes.head_width;
  config.layers =
      openelm::layers(sizes, openelm::multipliers(0.5, 1, 8), openelm::multipliers(0.5, 4, 8));
  return config;
}

aten::Group all_of(const WeightStore& weights) {
  aten::Group group;
  weights.for_each([&](const std::string& name, const Stored&) {
    group.parameters.push_back({name, {}});
  });
  return group;
}

class Trainee {
 public:
  Trainee(const LanguageModel& model, const aten::Options& options)
      : learner_(options, model.weights, {all_of(*model.weights)}),
        pass_(
            learner_.prepare(std::make_shared<const Graph>(loss_graph(model.config, rows, 1e-4)))) {
    Rng rng(1);
    for (const ValueId id : pass_->graph().inputs()) {
      const std::string& name = pass_->graph().value(id).name;
      Tensor tensor({DType::i32, {rows}});
      for (std::int64_t i = 0; i < rows; ++i)
        set_int(tensor.view(), i,
                name == "seq"   ? i / sequence
                : name == "pos" ? i % sequence
                : name == "tag" ? 0
                                : rng.below(model.config.vocabulary));
      inputs_.push_back(std::move(tensor));
    }
    for (const ValueId id : pass_->graph().outputs())
      outputs_.emplace_back(pass_->graph().value(id).type);
  }

  std::int64_t parameters() const { return learner_.parameters(); }
  double step() {  // CPU seconds
    std::vector<TensorView> in, out;
    for (const Tensor& each : inputs_) in.push_back(each.view());
    for (const Tensor& each : outputs_) out.push_back(each.view());
    const double begin = cpu_seconds();
    learner_.clear_gradients();
    learner_.accumulate(*pass_, in, out, 1.0 / rows);
    learner_.scale_gradients(std::min(1.0, 1 / (learner_.gradient_norm() + 1e-6)));
    learner_.update(1e-3);
    return cpu_seconds() - begin;
  }

 private:
  aten::Learner learner_;
  std::unique_ptr<aten::Pass> pass_;
  std::vector<Tensor> inputs_, outputs_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Floating-point operations per CPU second of a product as large as a layer's, the best of a few.
double product_rate(const aten::Options& options) {
  constexpr std::int64_t in = 256, out = 1024;
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {rows, in}});
  b.output(b.einsum("rd,od->ro", {x, b.weight("w", {DType::f32, {out, in}})}), "y");
  auto weights = std::make_shared<WeightStore>();
  weights->add("w", Tensor({DType::f32, {out, in}}));
  aten::Machine machine(options);
  const auto program = machine.prepare(std::make_shared<const Graph>(b.finish()), weights);
  ThreadPool pool(1);
  Workspace workspace(program->need(), pool);
  const Tensor from({DType::f32, {rows, in}}), to({DType::f32, {rows, out}});
  const TensorView input = from.view(), output = to.view();
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const double begin = cpu_seconds();
    program->run({{&input, 1}, {&output, 1}, 0, nullptr}, workspace);
    best = std::min(best, cpu_seconds() - begin);
  }
  return 2.0 * static_cast<double>(rows * in * out) / best;
}

void measure(const Model& model, aten::Precision precision, int repeats) {
  const LanguageModel start = initial_language_model(model.config, 1);
  aten::Options options;
  options.threads = 1;
  options.precision = precision;
  Trainee fused(start, options);
  options.fused = false;
  Trainee plain(start, options);
  std::vector<double> fast, slow;
  for (int i = 0; i < repeats; ++i) {
    fast.push_back(fused.step());
    slow.push_back(plain.step());
  }
  const double quick = median(fast), chain = median(slow);
  const double flops = 6.0 * static_cast<double>(fused.parameters() * rows) / quick;
  const double peak = product_rate(options);
  fmt::print(
      "{} {}: {} parameters, fused {:.0f} tokens/s ({:.0f} GFLOP/s of 6N, {:.0f} % of a product's "
      "{:.0f}), unfused {:.0f}, ratio {:.2f}\n",
      model.name, precision == aten::Precision::bf16 ? "bf16" : "f32", fused.parameters(),
      rows / quick, flops * 1e-9, 100 * flops / peak, peak * 1e-9, rows / chain, chain / quick);
}

}  // namespace
}  // namespace pliant

int main(int count, char** words) {
  using namespace pliant;
  if (const auto core = aten::better_blas_core()) {  // read when OpenBLAS is loaded
    setenv("OPENBLAS_CORETYPE", core->c_str(), 1);
    execv("/proc/self/exe", words);
  }
  const int repeats = count > 1 ? std::atoi(words[1]) : 7;
  const Model models[] = {{"S0", scaled(256, {128, 16, 4, 32})},
                          {"S1", scaled(4096, {256, 32, 4, 32})}};
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  for (const Model& model : models)
    for (const aten::Precision precision : {aten::Precision::f32, aten::Precision::bf16})
      measure(model, precision, repeats);
}
