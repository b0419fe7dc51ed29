#include "models/language/distill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "errors.h"
#include "graph/reference/reference.h"
#include "models/language/forward.h"
#include "open/language_model.h"

namespace pliant::language::distillation {
namespace {

constexpr std::int32_t text_rows = 12;

std::vector<std::int32_t> counted(std::int32_t step) {
  std::vector<std::int32_t> result;
  for (std::int32_t i = 0; i < text_rows; ++i) result.push_back(i * step % 500);
  return result;
}

// Outputs of the graph over one text, by place.
std::vector<double> outputs(const Graph& graph, const LanguageModel& model,
                            const LanguageModel& teacher, const std::vector<std::int32_t>& ids,
                            const std::vector<std::int32_t>& target) {
  WeightStore weights(*model.weights);
  teacher.weights->for_each([&](const std::string& name, const Stored& stored) {
    weights.add(std::string(teacher_prefix) + name, stored, teacher.weights->owner(name));
  });
  const std::map<std::string, std::vector<std::int32_t>> named{{"ids", ids},
                                                               {"seq", counted(0)},
                                                               {"pos", counted(1)},
                                                               {"tag", counted(0)},
                                                               {"target", target}};
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    inputs.emplace_back(TensorType{DType::i32, {text_rows}});
    std::ranges::copy(named.at(graph.value(id).name), inputs.back().span<std::int32_t>().begin());
  }
  std::vector<TensorView> views;
  for (const Tensor& each : inputs) views.push_back(each.view());
  ThreadPool pool(1);
  std::vector<double> result;
  for (const Tensor& each : evaluate(graph, weights, views, pool))
    result.push_back(get(each.view(), 0));
  return result;
}

std::vector<double> log_softmax(const Tensor& logits, std::int64_t row, double temperature) {
  const std::int64_t count = logits.type().shape[1];
  std::vector<double> x;
  for (std::int64_t i = 0; i < count; ++i)
    x.push_back(get(logits.view(), row * count + i) / temperature);
  const double most = *std::ranges::max_element(x);
  double sum = 0;
  for (const double each : x) sum += std::exp(each - most);
  for (double& each : x) each -= most + std::log(sum);
  return x;
}

double divergence(const Tensor& own, const Tensor& teacher, const std::vector<std::int32_t>& target,
                  double temperature) {
  double total = 0;
  for (std::int32_t row = 0; row < text_rows; ++row) {
    if (target[row] < 0) continue;
    const auto q = log_softmax(own, row, temperature), p = log_softmax(teacher, row, temperature);
    for (std::size_t i = 0; i < p.size(); ++i) total += std::exp(p[i]) * (p[i] - q[i]);
  }
  return total;
}

struct Pair {
  LanguageModel model = load_language_model("golden/openelm/tiny_a"),
                teacher = load_language_model("golden/openelm/tiny_b");
  std::vector<std::int32_t> ids = counted(7), target = counted(3);
  Pair() { target[4] = target[9] = -1; }
  std::vector<double> distilled(const Distillation& how, double z_loss = 0) const {
    return outputs(distill_graph(model.config, teacher.config, text_rows, z_loss, how), model,
                   teacher, ids, target);
  }
};

TEST(Distillation, IsTheDivergenceFromTheTeacher) {
  const Pair pair;
  const Tensor own = Forward(pair.model, Runner::reference, text_rows).logits(pair.ids),
               teacher = Forward(pair.teacher, Runner::reference, text_rows).logits(pair.ids);
  for (const double temperature : {1.0, 2.5}) {
    const auto out = pair.distilled({0.3, temperature}, 1e-2);
    const double wanted = divergence(own, teacher, pair.target, temperature);
    EXPECT_NEAR(out[3], wanted, 1e-4 * wanted);
    EXPECT_NEAR(out[0], 0.7 * out[1] + 0.3 * temperature * temperature * out[3] + 1e-2 * out[2],
                1e-5 * out[0]);
  }
}

TEST(Distillation, WithoutWeightIsTheTextsLoss) {
  const Pair pair;
  const auto out = pair.distilled({0, 1}, 1e-2),
             plain = outputs(loss_graph(pair.model.config, text_rows, 1e-2), pair.model,
                             pair.teacher, pair.ids, pair.target);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(out[i], plain[i], 1e-6 * plain[i]) << i;
}

TEST(Distillation, FromItselfIsNothing) {
  Pair pair;
  pair.teacher = pair.model;
  EXPECT_NEAR(pair.distilled({1, 2})[3], 0, 1e-4);
}

TEST(Distillation, RefusesWhatDoesNotFit) {
  const LanguageConfig config = load_language_model("golden/openelm/tiny_a").config;
  LanguageConfig other = config;
  other.vocabulary = 100;
  const auto said = [&](const LanguageConfig& teacher, const Distillation& how) {
    return error_of([&] { distill_graph(config, teacher, text_rows, 0, how); });
  };
  EXPECT_NE(said(other, {}).find("has 100 tokens, the model 512"), std::string::npos);
  EXPECT_NE(said(config, {1.5, 1}).find("a weight of 1.5"), std::string::npos);
  EXPECT_NE(said(config, {0.5, 0}).find("at temperature 0"), std::string::npos);
}

}  // namespace
}  // namespace pliant::language::distillation
