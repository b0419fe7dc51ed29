#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "errors.h"
#include "formats/safetensors/safetensors.h"
#include "graph/reference/reference.h"
#include "models/language/forward.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

using nlohmann::json;

constexpr std::int32_t rows = 64, length = 32;  // two sequences, packed

struct Losses {
  double loss, nll, z;
};

Losses losses(const LanguageModel& model, const Graph& graph, const std::vector<std::int32_t>& ids,
              const std::vector<std::int32_t>& target) {
  std::vector<std::int32_t> seq, pos, tag(rows, 0);
  for (std::int32_t i = 0; i < rows; ++i) {
    seq.push_back(i / length);
    pos.push_back(i % length);
  }
  const std::map<std::string, const std::vector<std::int32_t>*> named{
      {"ids", &ids}, {"seq", &seq}, {"pos", &pos}, {"tag", &tag}, {"target", &target}};
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (const ValueId id : graph.inputs()) {
    const std::vector<std::int32_t>& values = *named.at(graph.value(id).name);
    inputs.emplace_back(TensorType{DType::i32, {rows}});
    std::ranges::copy(values, inputs.back().span<std::int32_t>().begin());
  }
  for (const Tensor& each : inputs) views.push_back(each.view());
  ThreadPool pool(1);
  const std::vector<Tensor> out = evaluate(graph, *model.weights, views, pool);
  return {get(out[0].view(), 0), get(out[1].view(), 0), get(out[2].view(), 0)};
}

class Loss : public testing::TestWithParam<const char*> {};

TEST_P(Loss, IsCoreNets) {
  const std::string folder = std::string("golden/openelm/") + GetParam();
  const LanguageModel model = load_language_model(folder);
  const WeightStore batches = load_safetensors(folder + "/batches.safetensors");
  const json train = json::parse(read_file(folder + "/train.json")), &first = train["steps"][0];
  const std::int32_t ignored = train["ignore_index"];
  std::vector<std::int32_t> target = integers(batches.at("targets.0"));
  for (std::int32_t& each : target)
    if (each == ignored) each = -1;
  const double valid = first["valid_tokens"];
  ASSERT_EQ(valid, rows - std::ranges::count(target, -1));

  const Losses got = losses(model, loss_graph(model.config, rows, 1e-4),
                            integers(batches.at("samples.0")), target);
  EXPECT_NEAR(got.nll / valid, first["ce_loss"], 1e-6 * first["ce_loss"].get<double>());
  EXPECT_NEAR(got.loss, got.nll + 1e-4 * got.z, 1e-6 * got.loss);
  // CoreNet's log counts log(vocabulary)^2 for a row that has no target
  const double no_target = std::log(512.0) * std::log(512.0);
  EXPECT_NEAR(1e-4 * (got.z + no_target * (rows - valid)) / valid, first["z_loss"],
              1e-6 * first["z_loss"].get<double>());
}

INSTANTIATE_TEST_SUITE_P(Golden, Loss, testing::Values("tiny_a", "tiny_b", "tiny_c"));

TEST(LossGraph, RefusesCappedLogits) {
  LanguageConfig config = load_language_model("golden/openelm/tiny_a").config;
  config.logit_cap = 30;
  const std::string said = error_of([&] { loss_graph(config, rows, 0); });
  EXPECT_NE(said.find("caps its logits at 30"), std::string::npos) << said;
}

}  // namespace
}  // namespace pliant::language
