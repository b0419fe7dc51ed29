// 8: attention between encrypted queries, keys and values.
//
//   example-08_private_attention
//
// Everything is encrypted here: queries, keys and values of four heads. Scores and weighted sum are
// products of ciphertexts, and each of them wants its operands in slots of its own choice. The
// planner lets the scores lie where they fall and takes them from there, instead of bringing them
// back in order in between; the published algorithm does that after every step. Weights are
// (1 + s/2)^2, the beginning of exp(s), for that costs one product; dividing by their sum is left
// to the client, who gets the sums as a second output.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <stdexcept>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "graph/reference/reference.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/graph/run.h"

namespace {

using namespace pliant;

constexpr std::int64_t kTokens = 8, kHeads = 4, kSize = 16;
const TensorType kType{DType::f32, {1, kTokens, kHeads, kSize}};

Graph attention() {
  Builder b;
  const ValueId q = b.input("q", kType), k = b.input("k", kType), v = b.input("v", kType);
  const ValueId scores = b.einsum("bthd,bshd->bhts", {q, k}, "scores");
  const Expr root = constant(1) + constant(.5) * argument(0);
  const ValueId weights = b.map(root * root, {scores}, {}, "weights");
  b.output(b.einsum("bhts,bshd->bthd", {weights, v}, "mixed"));
  b.output(b.reduce(kind::ReduceFn::sum, weights, {3}, false, "sums"));
  return b.finish();
}

// The rotations of the two products when scores come back row-major in between, and when all stages
// are the published algorithm's.
void print_alternatives() {
  const std::vector<einsum::Stage> stages{{"bthd,bshd->bhts", {0, 1}}, {"bhts,bshd->bthd", {3, 2}}};
  const std::vector<einsum::EinsumOperand> operands(3, {kType.shape});
  std::int64_t in_order = 0;
  for (const einsum::Stage& stage : stages) {
    std::vector<einsum::EinsumOperand> own{operands[0], operands[1]};
    if (&stage == &stages[1]) own[0].shape = {1, kHeads, kTokens, kTokens};
    in_order += counts(einsum::plan(stage.expression, own, {.canonical = true}).program).rotations;
  }
  const einsum::Plan published =
      einsum::plan(stages, operands, {.planner = einsum::Planner::einhops});
  fmt::print(
      "the two products with scores in order in between: {} rotations; by the published "
      "algorithm: {}\n",
      in_order, counts(published.program).rotations);
}

// Mixed values over the sum of their weights: what the client makes of what it gets.
std::vector<double> divided(const Tensor& mixed, const Tensor& sums) {
  std::vector<double> result;
  for (std::int64_t t = 0; t < kTokens; ++t)
    for (std::int64_t h = 0; h < kHeads; ++h)
      for (std::int64_t d = 0; d < kSize; ++d)
        result.push_back(get(mixed.view(), (t * kHeads + h) * kSize + d) /
                         get(sums.view(), h * kTokens + t));
  return result;
}

void run() {
  Rng rng(5);
  std::vector<Tensor> tensors;
  std::vector<TensorView> inputs;
  for (int i = 0; i < 3; ++i) {
    tensors.emplace_back(kType);
    fill_uniform(tensors.back().view(), rng, -.5, .5);
    inputs.push_back(tensors.back().view());
  }
  const Graph graph = attention();
  const encrypted::Interval half{-.5, .5};
  const encrypted::GraphPlan plan = encrypted::plan(
      graph, {"q", "k", "v"},
      {{"q", half}, {"k", half}, {"v", half}, {"scores", {-4, 4}}, {"weights", {0, 9}}});
  for (const std::string& reason : plan.plan.reasons) fmt::print("{}\n", reason);
  fmt::print("{}\n", to_string(counts(plan.plan.program)));
  print_alternatives();
  const ckks::Params params = einsum::choose_parameters(plan.plan);
  fmt::print("{}\n\n", describe(params));

  einsum::Engine engine(params, plan.plan.program.slots);
  ThreadPool pool(1);
  const einsum::Decrypted answer = encrypted::run(plan, engine, WeightStore(), inputs, pool);
  const std::vector<Tensor> clear = evaluate(graph, WeightStore(), inputs, pool);
  double error = 0;
  for (std::size_t o = 0; o < clear.size(); ++o)
    for (std::int64_t e = 0; e < elements(clear[o].type().shape); ++e)
      error = std::max(error, std::abs(get(clear[o].view(), e) - get(answer.outputs[o].view(), e)));
  const std::vector<double> got = divided(answer.outputs[0], answer.outputs[1]),
                            want = divided(clear[0], clear[1]);
  double apart = 0;
  for (std::size_t i = 0; i < got.size(); ++i) apart = std::max(apart, std::abs(got[i] - want[i]));
  fmt::print("largest error {:.1e}, stated {:.1e}; of the attention's result {:.1e}\n", error,
             answer.error_bound, apart);
  fmt::print("expected: every error at most its bound\n");
  if (!(error <= answer.error_bound) || !(apart < 1e-4))
    throw std::runtime_error("an error exceeds its bound");
}

}  // namespace

int main() try {
  run();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
