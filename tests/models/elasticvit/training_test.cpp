// The training form of subnets: loss, statistics of the batch, running statistics as carries.
#include <gtest/gtest.h>

#include <map>

#include "errors.h"
#include "formats/safetensors/safetensors.h"
#include "models/elasticvit/formula.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/run.h"
#include "models/elasticvit/subnet.h"

namespace pliant::elasticvit {
namespace {

using nlohmann::json;

// One step of a subnet of toy_a, as the reference ran it.
struct Step {
  Space space = toy_space("toy_a");
  Architecture architecture;
  json reference;
  std::vector<Tensor> inputs;  // image, label, statistics by formula
  Graph graph;

  explicit Step(const std::string& name) {
    const json toy = golden("toy_a.json");
    architecture = from(space, toy["subnets"][name]["arch"]);
    reference = toy["gradients"][name];
    graph = loss_graph(space, architecture, {.batch = 4, .statistics = Statistics::momentum});
    inputs = inputs_of(graph);
  }

  std::vector<Tensor> inputs_of(const Graph& of) const {
    std::vector<Tensor> result =
        alone(formula_image(reference["image_tag"], 4, architecture.resolution));
    result.push_back(Tensor::of(DType::i32, {4}, reference["labels"]));
    for (std::size_t i = 2; i < of.inputs().size(); ++i) {
      const Value& value = of.value(of.inputs()[i]);
      result.push_back(value.name == "batches" ? Tensor(value.type)
                                               : formula_weight("toy_a.", value.name, value.type));
    }
    return result;
  }
};

// Outputs by the name of the input that they are carried to.
std::map<std::string, Tensor> carried(const Graph& graph, std::vector<Tensor> outputs) {
  std::map<std::string, Tensor> result;
  for (const Carry& each : graph.carries())
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (graph.outputs()[i] == each.out) result[graph.value(each.in).name] = std::move(outputs[i]);
  return result;
}

TEST(Training, LossLogitsAndStatisticsAreThePublishedOnes) {
  const WeightStore wanted = load_safetensors("golden/elasticvit/training.safetensors");
  for (const std::string name : {"r0", "r1"}) {
    SCOPED_TRACE(name);
    const Step step(name);
    const WeightStore weights = formula_weights("toy_a.", step.graph);
    std::vector<Tensor> outputs = reference_run(step.graph, weights, step.inputs);
    ASSERT_EQ(step.graph.output_names()[0], "loss");
    EXPECT_NEAR(outputs[0].span<float>()[0], step.reference["loss_f64"], 1e-6);
    EXPECT_LE(apart(outputs[1].view(), decode(wanted.at(name + ".train_logits")).view()), 1e-5);

    const std::map<std::string, Tensor> after = carried(step.graph, std::move(outputs));
    ASSERT_EQ(after.size(), step.graph.inputs().size() - 2);
    for (const auto& [statistic, tensor] : after) {
      const Tensor right = decode(wanted.at(name + ".after." + statistic));
      ASSERT_EQ(tensor.type(), right.type());
      for (std::int64_t i = 0; i < elements(right.type().shape); ++i)
        EXPECT_NEAR(get(tensor.view(), i), get(right.view(), i), 1e-6) << statistic << " " << i;
    }

    // Evaluated with the new statistics.
    const Graph graph = subnet_graph(step.space, step.architecture, {.batch = 4});
    WeightStore renewed;
    for (const Value& value : graph.values()) {
      if (value.role != Role::weight) continue;
      const auto found = after.find(value.name);
      renewed.add(value.name, found == after.end()
                                  ? formula_weight("toy_a.", value.name, value.type)
                                  : found->second.copy());
    }
    const std::vector<Tensor> logits = native_run(graph, renewed, alone(step.inputs[0].copy()));
    EXPECT_LE(apart(logits[0].view(), decode(wanted.at(name + ".eval_logits_after")).view()), 1e-4);
  }
}

TEST(Training, TheNativeMachineGivesTheSame) {
  const Step step("r1");
  const WeightStore weights = formula_weights("toy_a.", step.graph);
  const std::vector<Tensor> wanted = reference_run(step.graph, weights, step.inputs),
                            got = native_run(step.graph, weights, step.inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    for (std::int64_t k = 0; k < elements(wanted[i].type().shape); ++k)
      EXPECT_NEAR(get(got[i].view(), k), get(wanted[i].view(), k), 1e-4);
}

// Two batches from an empty count: the statistics are the means of those of each, whatever stood
// there before.
TEST(Training, CumulativeStatisticsAreMeansOverTheBatches) {
  const Step step("r1");
  const Graph of_batch =
      loss_graph(step.space, step.architecture,
                 {.batch = 4, .statistics = Statistics::momentum, .momentum = 1});
  const Graph cumulative =
      loss_graph(step.space, step.architecture, {.batch = 4, .statistics = Statistics::cumulative});
  const WeightStore weights = formula_weights("toy_a.", cumulative);
  std::vector<Tensor> inputs = step.inputs_of(cumulative);
  std::map<std::string, Tensor> single[2], running;
  for (int i = 0; i < 2; ++i) {
    const std::string tag = "batch " + std::to_string(i);
    std::vector<Tensor> now = step.inputs_of(of_batch);
    now[0] = formula_image(tag, 4, step.architecture.resolution);
    single[i] = carried(of_batch, reference_run(of_batch, weights, now));
    inputs[0] = formula_image(tag, 4, step.architecture.resolution);
    running = carried(cumulative, reference_run(cumulative, weights, inputs));
    for (std::size_t k = 2; k < inputs.size(); ++k)
      inputs[k] = running.at(cumulative.value(cumulative.inputs()[k]).name).copy();
  }
  EXPECT_EQ(running.size(), single[0].size() + 1);
  EXPECT_EQ(get(running.at("batches").view(), 0), 2);
  for (const auto& [name, first] : single[0])
    for (std::int64_t i = 0; i < elements(first.type().shape); ++i)
      EXPECT_NEAR(get(running.at(name).view(), i),
                  (get(first.view(), i) + get(single[1].at(name).view(), i)) / 2, 1e-6);
}

TEST(Training, ABatchTooSmallForAVarianceIsRefused) {
  const Space space = toy_space("toy_b");
  const std::string error = error_of([&] {
    loss_graph(space, smallest(space), {.batch = 1, .statistics = Statistics::momentum});
  });
  EXPECT_NE(error.find("have one element, too few for a variance (train with larger batches)"),
            std::string::npos)
      << error;
}

}  // namespace
}  // namespace pliant::elasticvit
