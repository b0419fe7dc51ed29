// Subnets against the published supernet's figures, in the reference evaluator and on machines.
#include "models/elasticvit/subnet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "errors.h"
#include "formats/safetensors/safetensors.h"
#include "graph/passes/passes.h"
#include "machine/scratchpad/scratchpad.h"
#include "models/elasticvit/formula.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/run.h"
#include "models/elasticvit/tensors.h"

namespace pliant::elasticvit {
namespace {

using nlohmann::json;

const WeightStore& reference_logits() {
  static const WeightStore store = load_safetensors("golden/elasticvit/logits.safetensors");
  return store;
}

std::map<std::string, json> full_subnets() {
  std::map<std::string, json> result;
  for (const json& each : golden("subnets.json")) result[each["name"]] = each["arch"];
  return result;
}

TEST(Subnet, TensorsAreThePublishedOnes) {
  const json all = golden("tensors.json");
  const std::map<std::string, Space> spaces{
      {"full", published_space()}, {"toy_a", toy_space("toy_a")}, {"toy_b", toy_space("toy_b")}};
  for (const auto& [name, space] : spaces) {
    std::map<std::string, Shape> ours;
    std::int64_t parameters = 0;
    for (const auto& [tensor, entry] : supernet_tensors(space)) {
      ours[tensor] = entry.shape;
      if (!entry.statistic) parameters += elements(entry.shape);
    }
    EXPECT_EQ(ours, (all[name].get<std::map<std::string, Shape>>())) << name;
    EXPECT_EQ(parameters, name == "full"
                              ? 40'488'174
                              : golden(name + ".json")["parameter_count"].get<std::int64_t>());
  }
}

TEST(Subnet, LogitsOfScaledDownSubnetsAreThePublishedOnes) {
  for (const std::string toy : {"toy_a", "toy_b"}) {
    const Space space = toy_space(toy);
    const json reference = golden(toy + ".json");
    for (const auto& [name, each] : reference["subnets"].items()) {
      SCOPED_TRACE(toy + "." + name);
      const Architecture architecture = from(space, each["arch"]);
      const Graph graph = subnet_graph(space, architecture, {.batch = 2});
      const WeightStore weights = formula_weights(toy + ".", graph);
      const std::vector<Tensor> images =
          alone(formula_image(toy + "." + name, 2, architecture.resolution));
      const Tensor wanted = decode(reference_logits().at(toy + "." + name));
      EXPECT_LE(apart(reference_run(graph, weights, images)[0].view(), wanted.view()), 1e-5);
      EXPECT_LE(apart(native_run(graph, weights, images)[0].view(), wanted.view()), 1e-4);
    }
  }
}

// One of every resolution (128 to 256, odd sides among them), and an image of another side.
TEST(Subnet, LogitsOfFullSubnetsAreThePublishedOnes) {
  const auto subnets = full_subnets();
  for (const std::string name :
       {"rl00", "rl01", "rl02", "rl03", "rl04", "rl05", "S2", "T1_from_224"}) {
    SCOPED_TRACE(name);
    const bool resized = name == "T1_from_224";
    const Architecture architecture = from(published_space(), subnets.at(resized ? "T1" : name));
    const std::int64_t side = resized ? 224 : architecture.resolution;
    const Graph graph =
        subnet_graph(published_space(), architecture, {.batch = 2, .image_side = side});
    const std::vector<Tensor> logits =
        native_run(graph, formula_weights("", graph), alone(formula_image(name, 2, side)));
    EXPECT_LE(apart(logits[0].view(), decode(reference_logits().at(name)).view()), 1e-4);
  }
}

// What the reference data calls a stage, as values of the graph.
const std::map<std::string, std::string> value_names{
    {"head_linear_0", "pre_head_0"},
    {"head_norm_0", "pre_head_norm_0"},
    {"head_linear_1", "pre_head_1"},
    {"T0.0.attention_block", "feature_exactor.2.layers.0.attention"},
    {"T0.0.ffn_block", "T0"}};

std::string value_name(const std::string& stage) {
  const auto found = value_names.find(stage);
  return found == value_names.end() ? stage : found->second;
}

// The reference has tokens as [B, N, C], the graph as [B, C, side, side].
Tensor channels_last(const Tensor& x) {
  const Shape& shape = x.type().shape;
  const std::int64_t channels = shape[1], tokens = shape[2] * shape[3];
  Tensor result({DType::f32, {shape[0], tokens, channels}});
  for (std::int64_t i = 0; float& each : result.span<float>()) {
    const std::int64_t channel = i % channels, token = i / channels % tokens,
                       image = i / (channels * tokens);
    each = x.span<float>()[static_cast<std::size_t>((image * channels + channel) * tokens + token)];
    ++i;
  }
  return result;
}

using Values = std::map<std::string, Tensor>;  // by the names of graphs

Values reference_values(const Graph& graph, const WeightStore& weights,
                        const std::vector<Tensor>& images) {
  Values values;
  EvaluateOptions options;
  options.observe = [&](ValueId id, const TensorView& view) {
    Tensor copy(view.type);
    std::copy_n(view.data, copy.raw().size(), copy.view().data);
    values[graph.value(id).name] = std::move(copy);
  };
  reference_run(graph, weights, images, options);
  return values;
}

Values native_values(const Graph& graph, const std::vector<std::string>& names,
                     const WeightStore& weights, const std::vector<Tensor>& images) {
  std::vector<ValueId> ids;
  for (const std::string& each : names) ids.push_back(graph.find(each).value());
  const Graph observed = observe(graph, ids, Statistic::value);
  std::vector<Tensor> outputs = native_run(observed, weights, images);
  Values values;
  for (std::size_t i = 0; i < names.size(); ++i)  // behind the logits
    values[names[i]] = std::move(outputs[i + 1]);
  return values;
}

void expect_stages(const Values& values, const json& stages, double tolerance) {
  for (const auto& [stage, wanted] : stages.items()) {
    SCOPED_TRACE(stage);
    const Tensor& found = values.at(value_name(stage));
    const Tensor tokens = wanted["shape"].size() == 3 ? channels_last(found) : found.copy();
    EXPECT_EQ(tokens.type().shape, wanted["shape"].get<Shape>());
    const double spread = wanted["std"];
    EXPECT_NEAR(deviation(tokens.span<float>()), spread, tolerance * spread);
    for (std::size_t i = 0; const double value : wanted["first64"])
      EXPECT_NEAR(tokens.span<float>()[i++], value, tolerance * spread);
  }
}

void expect_inside(const Values& values, double tolerance) {
  const WeightStore inside = load_safetensors("golden/elasticvit/inside_T1.safetensors");
  ASSERT_EQ(inside.size(), 2U);
  inside.for_each([&](const std::string& name, const Stored& stored) {
    EXPECT_LE(apart(channels_last(values.at(value_name(name))).view(), decode(stored).view()),
              tolerance)
        << name;
  });
}

TEST(Subnet, StagesOfFullSubnetsAreThePublishedOnes) {
  const json reference = golden("stages.json");
  for (const std::string name : {"T1", "S2"}) {
    SCOPED_TRACE(name);
    const Architecture architecture = from(published_space(), full_subnets().at(name));
    const Graph graph = subnet_graph(published_space(), architecture, {.batch = 2});
    const WeightStore weights = formula_weights("", graph);
    const std::vector<Tensor> images = alone(formula_image(name, 2, architecture.resolution));
    std::vector<std::string> names{value_name("T0.0.attention_block")};
    for (const auto& [stage, wanted] : reference[name].items()) names.push_back(value_name(stage));
    const Values native = native_values(graph, names, weights, images);
    expect_stages(native, reference[name], 1e-4);
    if (name != "T1") continue;
    expect_inside(native, 1e-4);
    const Values plain = reference_values(graph, weights, images);
    expect_stages(plain, reference[name], 1e-5);
    expect_inside(plain, 1e-5);
    const Tensor wanted = decode(reference_logits().at(name));
    EXPECT_LE(apart(plain.at("classifer").view(), wanted.view()), 1e-5);
  }
}

TEST(Subnet, OneStoreServesAllSubnets) {
  const Space space = toy_space("toy_a");
  const Graph large = subnet_graph(space, largest(space)),
              small = subnet_graph(space, smallest(space));
  const SupernetTensors tensors = supernet_tensors(space);
  for (const Graph* graph : {&large, &small}) {
    for (const Value& value : graph->values()) {
      if (value.role != Role::weight) continue;
      EXPECT_EQ(value.type, (TensorType{DType::f32, tensors.at(value.name).shape}));
    }
  }
}

// The least scratchpad that holds every operator: what comes out are the bits of the native run
// whose kernels do not know their weights either.
TEST(Subnet, RunsInAScratchpad) {
  const Space space = toy_space("toy_b");
  const Graph graph = subnet_graph(space, largest(space));
  const WeightStore weights = formula_weights("toy_b.", graph);
  const std::vector<Tensor> images = alone(formula_image("any", 1, 64));
  ThreadPool pool(1);
  scratchpad::ExecuteOptions options;
  options.scratchpad_bytes =
      plan::required_size(
          plan::problem_of(fold(graph, weights, pool).graph, {.workspace = {}}).problem,
          sizeof(float))
          .bytes;
  scratchpad::Machine machine(pool, options);
  const Tensor planned = std::move(machine_run(machine, graph, weights, images)[0]);
  const Tensor native = std::move(native_run(graph, weights, images, {.winograd = false})[0]);
  EXPECT_TRUE(std::ranges::equal(planned.raw(), native.raw()));
}

TEST(Subnet, RefusesAnArchitectureOfAnotherSpace) {
  EXPECT_EQ(error_of([] { subnet_graph(published_space(), smallest(toy_space("toy_a"))); }),
            "subnet: res: 32 is no choice of the space (choose one of 128, 160, 176, 192, 224, "
            "256)");
}

}  // namespace
}  // namespace pliant::elasticvit
