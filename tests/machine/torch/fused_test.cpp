// Operators that run as one, against the chains that they stand for: values and gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "core/rng.h"
#include "graph/blocks.h"
#include "graph/builder.h"
#include "machine/torch/learner.h"
#include "machine/torch/one_thread.h"
#include "models/language/openelm.h"
#include "models/language/random.h"

namespace pliant::aten {
namespace {

struct Outcome {
  std::vector<double> losses;
  std::map<std::string, std::vector<double>> gradients;
};

struct LossCase {
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<const WeightStore> weights;
  std::vector<Tensor> inputs;
};

std::vector<double> doubles(const Tensor& tensor) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < elements(tensor.type().shape); ++i)
    result.push_back(get(tensor.view(), i));
  return result;
}

Outcome learnt(const LossCase& subject, const Options& options) {
  Group group;
  subject.weights->for_each([&](const std::string& name, const Stored&) {
    group.parameters.push_back({name, {}});
  });
  Learner learner(options, subject.weights, {group});
  const auto pass = learner.prepare(subject.graph);
  std::vector<TensorView> in, out;
  std::vector<Tensor> outputs;
  for (const Tensor& each : subject.inputs) in.push_back(each.view());
  for (const ValueId id : subject.graph->outputs())
    outputs.emplace_back(subject.graph->value(id).type);
  for (const Tensor& each : outputs) out.push_back(each.view());
  learner.accumulate(*pass, in, out, 0.5);
  Outcome outcome;
  for (const Tensor& each : outputs) outcome.losses.push_back(get(each.view(), 0));
  for (const Parameter& each : group.parameters)
    outcome.gradients[each.name] = doubles(learner.gradient(each.name));
  return outcome;
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double each : values) most = std::max(most, std::abs(each));
  return most;
}

enum class Scale { own, all };  // the largest element of the same gradient, or of all of them

double largest_of_all(const Outcome& outcome) {
  double most = 0;
  for (const auto& [name, gradient] : outcome.gradients) most = std::max(most, largest(gradient));
  return most;
}

// Gradients within `tolerance` of the scale: of all where some are the difference of nearly equal
// numbers and others would be 0.
void expect_alike(const Outcome& found, const Outcome& wanted, double tolerance,
                  const std::string& what, Scale scale = Scale::own) {
  for (std::size_t i = 0; i < wanted.losses.size(); ++i)
    EXPECT_NEAR(found.losses[i], wanted.losses[i],
                tolerance * std::max(1.0, std::abs(wanted.losses[i])))
        << what;
  const double all = largest_of_all(wanted);
  for (const auto& [name, gradient] : wanted.gradients) {
    const std::vector<double>& other = found.gradients.at(name);
    double most = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      ASSERT_TRUE(std::isfinite(other[i])) << what << ", " << name;
      most = std::max(most, std::abs(other[i] - gradient[i]));
    }
    EXPECT_LE(most, tolerance * (scale == Scale::own ? largest(gradient) : all))
        << what << ", " << name;
  }
}

Options with(bool fused, Precision precision = Precision::f32) {
  Options options = one_thread();
  options.fused = fused;
  options.precision = precision;
  return options;
}

constexpr std::int64_t packed_rows = 48;

LanguageConfig small_config() {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.vocabulary = 40;
  config.width = 32;
  config.head_width = 8;
  config.layers = openelm::layers({32, 8, 2, 16}, openelm::multipliers(0.5, 1, 2),
                                  openelm::multipliers(0.5, 2, 2));
  return config;
}

using Fill = std::function<void(Tensor&, Rng&)>;

// Three sequences and padding; the second begins at position 5.
LossCase language(const Fill& fill) {
  const LanguageConfig config = small_config();
  LossCase subject;
  subject.graph = std::make_shared<const Graph>(loss_graph(config, packed_rows, 1e-2));
  auto weights = std::make_shared<WeightStore>();
  Rng rng(7);
  initial_language_model(config, 3).weights->for_each(
      [&](const std::string& name, const Stored& stored) {
        Tensor value = decode(stored);
        fill(value, rng);
        weights->add(name, std::move(value));
      });
  subject.weights = weights;
  for (const ValueId id : subject.graph->inputs()) {
    const std::string& name = subject.graph->value(id).name;
    Tensor tensor({DType::i32, {packed_rows}});
    for (std::int64_t i = 0; i < packed_rows; ++i) {
      const std::int64_t sequence = i < 20 ? 0 : i < 30 ? 1 : i < 44 ? 9 : -1;
      const std::int64_t start = i < 20 ? 0 : i < 30 ? 15 : 30;
      set_int(tensor.view(), i,
              name == "seq"      ? sequence
              : name == "pos"    ? i - start
              : name == "tag"    ? 0
              : name == "target" ? (sequence < 0 || i % 7 == 0 ? -1 : rng.below(40))
                                 : rng.below(40));
    }
    subject.inputs.push_back(std::move(tensor));
  }
  return subject;
}

const std::vector<std::pair<std::string, Fill>> fills{
    {"as it begins", [](Tensor&, Rng&) {}},
    {"large",
     [](Tensor& x, Rng&) {
       for (float& each : x.span<float>()) each *= 30;
     }},
    {"constant", [](Tensor& x, Rng&) { std::ranges::fill(x.span<float>(), 0.05f); }},
    {"zero", [](Tensor& x, Rng&) { std::ranges::fill(x.span<float>(), 0.0f); }},
    {"one-hot", [](Tensor& x, Rng& rng) {
       std::ranges::fill(x.span<float>(), 0.0f);
       const std::int64_t width = x.type().shape.back();
       for (std::int64_t i = 0; i < elements(x.type().shape); i += width)
         x.span<float>()[i + rng.below(width)] = 1;
     }}};

TEST(Fused, LanguageModelsLearnTheSame) {
  for (const auto& [name, fill] : fills) {
    const LossCase subject = language(fill);
    expect_alike(learnt(subject, with(true)), learnt(subject, with(false)), 1e-4, name,
                 name == "as it begins" ? Scale::own : Scale::all);
  }
}

TEST(Fused, ProductsInBf16AreNear) {
  const LossCase subject = language(fills[0].second);
  const Outcome exact = learnt(subject, with(true));
  for (const bool fused : {true, false})
    expect_alike(learnt(subject, with(fused, Precision::bf16)), exact, 0.05,
                 fused ? "fused" : "unfused");
}

TEST(Fused, RecomputedScopesGiveTheSameBits) {
  const LossCase subject = language(fills[0].second);
  for (const bool fused : {true, false})
    for (const Precision precision : {Precision::f32, Precision::bf16}) {
      Options options = with(fused, precision);
      const Outcome kept = learnt(subject, options);
      for (const char* pattern : {"layers.*", "layers.1.ffn", "*", "nothing"}) {
        options.recompute = {pattern};
        const Outcome again = learnt(subject, options);
        EXPECT_EQ(again.losses, kept.losses) << pattern;
        expect_alike(again, kept, 2e-6, pattern);
      }
    }
}

TEST(Fused, DeterministicRunsGiveTheSameBits) {
  const LossCase subject = language(fills[0].second);
  Options options = with(true);
  options.threads = 2;
  options.deterministic = true;
  const Outcome first = learnt(subject, options), second = learnt(subject, options);
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.gradients, second.gradients);
  expect_alike(first, learnt(subject, with(true)), 1e-5, "two threads");
}

// Attention over weights of its own: loss = sum of the result times factors.
LossCase attention(kind::Attention kind, const std::vector<double>& seq,
                   const std::vector<double>& pos, double size) {
  const auto count = static_cast<std::int64_t>(seq.size());
  Builder b;
  const auto weight = [&](const char* name, std::int64_t heads, std::int64_t width) {
    return b.weight(name, {DType::f32, {count, heads, width}});
  };
  const auto places = [&](const std::vector<double>& values) {
    return b.constant(Tensor::of(DType::i32, {count}, values));
  };
  const ValueId tag = b.constant(Tensor({DType::i32, {count}}));
  const ValueId out = b.attention(kind, {weight("q", 4, 6), weight("k", 2, 6), weight("v", 2, 5),
                                         places(seq), places(pos), tag});
  Rng rng(11);
  Tensor factors({DType::f32, {count, 4, 5}});
  fill_normal(factors.view(), rng, 1);
  b.output(b.reduce(kind::ReduceFn::sum, blocks::multiply(b, out, b.constant(std::move(factors))),
                    {0, 1, 2}),
           "loss");
  LossCase subject{std::make_shared<const Graph>(b.finish()), nullptr, {}};
  auto weights = std::make_shared<WeightStore>();
  for (const Value& value : subject.graph->values()) {
    if (value.role != Role::weight) continue;
    Tensor tensor(value.type);
    fill_normal(tensor.view(), rng, size);
    weights->add(value.name, std::move(tensor));
  }
  subject.weights = weights;
  return subject;
}

TEST(Fused, AttentionOfEveryShapeOfSequences) {
  std::vector<double> runs, places, mixed, backwards, long_seq(300, 2), long_pos;
  for (int i = 0; i < 24; ++i) {
    runs.push_back(i < 9 ? 4 : i < 12 ? -1 : i < 13 ? 0 : 7);
    places.push_back(i * (i < 12 ? 1 : 3));
    mixed.push_back(i % 3 - 1);
    backwards.push_back(24 - i);
  }
  for (int i = 0; i < 300; ++i) long_pos.push_back(i);
  for (const bool causal : {true, false})
    for (const std::int64_t window : {0, 1, 7})
      for (const double cap : {0.0, 1.5})
        for (const double size : {1.0, 30.0}) {
          kind::Attention kind{0.4, causal, window};
          kind.cap = cap;
          const std::string what = std::to_string(causal) + ", window " + std::to_string(window) +
                                   ", cap " + std::to_string(cap);
          for (const auto& [seq, pos] :
               {std::pair(runs, places), std::pair(mixed, places), std::pair(runs, backwards)}) {
            const LossCase subject = attention(kind, seq, pos, size);
            expect_alike(learnt(subject, with(true)), learnt(subject, with(false)),
                         size > 1 ? 1e-3 : 1e-4, what, Scale::all);
          }
        }
  const LossCase subject = attention({0.4, true, 140}, long_seq, long_pos, 1);
  expect_alike(learnt(subject, with(true)), learnt(subject, with(false)), 1e-4, "many blocks");
}

// In bf16 a product rounds, sums do not: one-hot rows through a product stay what they are.
TEST(Fused, Bf16KeepsWhatItCanHold) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 8}}), w = b.weight("w", {DType::f32, {4, 8}});
  const ValueId y = b.einsum("rd,od->ro", {x, w});
  b.output(b.reduce(kind::ReduceFn::sum, y, {0, 1}), "loss");
  LossCase subject{std::make_shared<const Graph>(b.finish()), nullptr, {}};
  auto weights = std::make_shared<WeightStore>();
  Tensor values({DType::f32, {4, 8}});
  for (int i = 0; i < 32; ++i) values.span<float>()[i] = static_cast<float>(i % 5) * 0.25f;
  weights->add("w", std::move(values));
  subject.weights = weights;
  Tensor rows_of_one({DType::f32, {4, 8}});
  for (int i = 0; i < 4; ++i) rows_of_one.span<float>()[i * 9] = 1;
  subject.inputs.push_back(std::move(rows_of_one));
  const Outcome exact = learnt(subject, with(false));
  for (const bool fused : {true, false}) {
    const Outcome half = learnt(subject, with(fused, Precision::bf16));
    EXPECT_EQ(half.losses, exact.losses);
    EXPECT_EQ(half.gradients, exact.gradients);
  }
}

}  // namespace
}  // namespace pliant::aten
