#include "speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "machine/torch/learner.h"
#include "machine/torch/torch.h"
#include "models/language/random.h"
#include "peer.h"
#include "shapes.h"

namespace pliant::bench {
namespace {

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

// Microseconds of an operator, from sizes to a pass that may run.
double preparing(const LanguageModel& model, const aten::Options& options) {
  const aten::Learner learner(options, model.weights, {all_of(*model.weights)});
  std::vector<double> each;
  for (int i = 0; i < 15; ++i) {
    const double begin = cpu_seconds();
    const auto graph = std::make_shared<const Graph>(loss_graph(model.config, rows, 1e-4));
    const auto pass = learner.prepare(graph);
    each.push_back(1e6 * (cpu_seconds() - begin) / static_cast<double>(graph->ops().size()));
  }
  return median(each);
}

struct Times {
  std::vector<double> fused, unfused, eager, compiled;  // CPU seconds of a step
};

Times measured(Trainee& fused, Trainee& plain, Peer* peer, const Speed& how) {
  constexpr int warm = 2;
  Times times;
  for (int i = 0; i < how.repeats + warm; ++i) {
    const double quick = fused.step(), chain = plain.step(),
                 eager = peer == nullptr ? 0 : peer->step("eager"),
                 compiled = peer == nullptr || !how.compiled ? 0 : peer->step("compiled");
    if (i < warm) continue;
    times.fused.push_back(quick);
    times.unfused.push_back(chain);
    times.eager.push_back(eager);
    times.compiled.push_back(compiled);
  }
  return times;
}

void measure(const Subject& subject, aten::Precision precision, const Speed& how) {
  const LanguageModel start = initial_language_model(subject.config, 1);
  const bool half = precision == aten::Precision::bf16;
  aten::Options options;
  options.threads = 1;
  options.precision = precision;
  Trainee fused(start, options);
  options.fused = false;
  Trainee plain(start, options);
  options.fused = true;
  std::optional<Peer> peer;
  if (has_peer()) peer.emplace(subject.config, half);
  const Times times = measured(fused, plain, peer ? &*peer : nullptr, how);
  const double quick = median(times.fused);
  const double flops = 6.0 * static_cast<double>(fused.parameters() * rows) / quick;
  const double peak = product_rate(options);
  fmt::print(
      "{} {}: {} parameters, fused {:.0f} tokens/s ({:.0f} GFLOP/s of 6N, {:.0f} % of a product's "
      "{:.0f}), unfused {:.0f}, ratio {:.2f}",
      subject.name, half ? "bf16" : "f32", fused.parameters(), rows / quick, flops * 1e-9,
      100 * flops / peak, peak * 1e-9, rows / median(times.unfused), median(times.unfused) / quick);
  if (peer)
    fmt::print("; PyTorch eager {:.0f}, ratio {:.2f}", rows / median(times.eager),
               median(times.eager) / quick);
  if (peer && how.compiled)
    fmt::print(", compiled {:.0f}, ratio {:.2f}", rows / median(times.compiled),
               median(times.compiled) / quick);
  fmt::print("; build + prepare {:.2f} us an operator\n", preparing(start, options));
}

}  // namespace

void compare_speed(const Speed& how) {
  const Subject subjects[] = {{"S0", scaled(256, s0)}, {"S1", scaled(4096, s1)}};
  for (const Subject& each : subjects)
    for (const aten::Precision precision : {aten::Precision::f32, aten::Precision::bf16})
      measure(each, precision, how);
}

}  // namespace pliant::bench
