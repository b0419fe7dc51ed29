// Subnets learn on libtorch what the published supernet learns.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "graph/views.h"
#include "machine/torch/learner.h"
#include "models/elasticvit/formula.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/subnet.h"
#include "models/elasticvit/tensors.h"

namespace pliant::elasticvit {
namespace {

using nlohmann::json;

// A whole supernet with formula values, all of whose parameters learn.
class Learning {
 public:
  Learning(Space space, std::string prefix)
      : space_(std::move(space)), prefix_(std::move(prefix)), learner_(make()) {}

  // Adds the gradients of the mean cross-entropy of one step; gives the loss.
  double accumulate(const json& arch, const json& step) {
    const Architecture architecture = from(space_, arch);
    const std::int64_t batch = step["image_shape"][0];
    const auto graph = std::make_shared<const Graph>(
        loss_graph(space_, architecture, {.batch = batch, .statistics = Statistics::momentum}));
    std::vector<Tensor> inputs, outputs;
    inputs.push_back(formula_image(step["image_tag"], batch, architecture.resolution));
    inputs.push_back(Tensor::of(DType::i32, {batch}, step["labels"]));
    for (std::size_t i = 2; i < graph->inputs().size(); ++i) {
      const Value& value = graph->value(graph->inputs()[i]);
      inputs.push_back(formula_weight(prefix_, value.name, value.type));
    }
    for (const ValueId id : graph->outputs()) outputs.emplace_back(graph->value(id).type);
    const std::unique_ptr<aten::Pass> pass = learner_.prepare(graph);
    learner_.accumulate(*pass, views_of(inputs), views_of(outputs), 1);
    return get(outputs[0].view(), 0);
  }

  Tensor gradient(const std::string& name) const { return learner_.gradient(name); }
  void clear() { learner_.clear_gradients(); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  aten::Learner make() {
    auto weights = std::make_shared<WeightStore>();
    aten::Group group;
    for (const auto& [name, tensor] : supernet_tensors(space_)) {
      if (tensor.statistic) continue;
      weights->add(name, formula_weight(prefix_, name, {DType::f32, tensor.shape}));
      group.parameters.push_back({name, {}});
      names_.push_back(name);
    }
    aten::Options options;
    options.threads = 1;
    return {options, weights, {group}};
  }

  Space space_;
  std::string prefix_;
  std::vector<std::string> names_;
  aten::Learner learner_;
};

struct Digest {
  double norm = 0, sum = 0, probe = 0, probe_norm = 0;
  std::int64_t nonzero = 0;
};

Digest digest_of(const std::string& name, const Tensor& gradient) {
  Digest digest;
  const Formula probe("probe." + name);
  for (std::int64_t i = 0; const double each : gradient.span<float>()) {
    const double u = probe.at(i++);
    digest.norm += each * each;
    digest.sum += each;
    digest.probe += each * u;
    digest.probe_norm += u * u;
    digest.nonzero += each != 0;
  }
  digest.norm = std::sqrt(digest.norm);
  digest.probe_norm = std::sqrt(digest.probe_norm);
  return digest;
}

void expect_gradients(const Learning& learning, const json& wanted) {
  ASSERT_FALSE(wanted.empty());
  for (const std::string& name : learning.names()) {
    SCOPED_TRACE(name);
    const Digest got = digest_of(name, learning.gradient(name));
    if (!wanted.contains(name)) {  // no subnet reads it
      EXPECT_EQ(got.norm, 0);
      continue;
    }
    const json& right = wanted[name];
    const double norm = right[0], count = std::sqrt(static_cast<double>(got.nonzero));
    // Some have no gradient but what rounding leaves.
    const double tolerance = std::max(1e-3 * norm, 1e-5);
    EXPECT_NEAR(got.norm, norm, tolerance);
    EXPECT_NEAR(got.sum, right[1], tolerance * std::max(count, 1.0));
    EXPECT_NEAR(got.probe, right[2], tolerance * std::max(1.0, got.probe_norm));
    if (norm <= 1e-5) continue;
    EXPECT_LE(got.nonzero, right[3]);
  }
}

TEST(Gradients, OfScaledDownSubnetsAreThePublishedOnes) {
  const json digests = golden("gradients.json")["digests"];
  for (const std::string toy : {"toy_a", "toy_b"}) {
    const json reference = golden(toy + ".json");
    Learning learning(toy_space(toy), toy + ".");
    for (const std::string name : {"r0", "r1"}) {
      SCOPED_TRACE(toy + "." + name);
      learning.clear();
      const json& step = reference["gradients"][name];
      const double loss = learning.accumulate(reference["subnets"][name]["arch"], step);
      EXPECT_NEAR(loss, step["loss_f64"], 1e-5);
      expect_gradients(learning, digests[toy + "." + name]);
    }
  }
}

TEST(Gradients, OfT1AreThePublishedOnes) {
  const json reference = golden("gradients.json");
  Learning learning(published_space(), "");
  const json t1 = golden("subnets.json")[0];
  ASSERT_EQ(t1["name"], "T1");
  EXPECT_NEAR(learning.accumulate(t1["arch"], reference["T1"]), reference["T1"]["loss_f64"], 1e-4);
  expect_gradients(learning, reference["digests"]["T1"]);
}

// A step trains several subnets: what they add up to is the sum of what each has alone.
TEST(Gradients, OfTheSubnetsOfAStepAddUp) {
  const json reference = golden("toy_a.json");
  Learning together(toy_space("toy_a"), "toy_a."), alone(toy_space("toy_a"), "toy_a.");
  std::map<std::string, std::vector<double>> sums;
  for (const std::string name : {"min", "r0", "r1", "r2"}) {
    const json& arch = reference["subnets"][name]["arch"];
    const json step{{"image_tag", name}, {"image_shape", {4}}, {"labels", {0, 1, 2, 3}}};
    together.accumulate(arch, step);
    alone.clear();
    alone.accumulate(arch, step);
    for (const std::string& each : alone.names()) {
      const Tensor gradient = alone.gradient(each);
      sums[each].resize(gradient.span<float>().size());
      for (std::size_t i = 0; i < sums[each].size(); ++i)
        sums[each][i] += gradient.span<float>()[i];
    }
  }
  for (const auto& [name, wanted] : sums) {
    double most = 0, apart = 0;
    const Tensor got = together.gradient(name);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      most = std::max(most, std::abs(wanted[i]));
      apart = std::max(apart, std::abs(got.span<float>()[i] - wanted[i]));
    }
    EXPECT_LE(apart, 1e-6 * most) << name;
  }
}

}  // namespace
}  // namespace pliant::elasticvit
