#include "models/language/openelm.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "formats/safetensors/safetensors.h"
#include "models/language/forward.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

using nlohmann::json;

json dims() { return json::parse(read_file("golden/openelm/dims.json")); }

TEST(OpenElm, MakeDivisibleIsCoreNets) {
  const json golden = dims();
  ASSERT_GT(golden["make_divisible"].size(), 50u);
  for (const json& each : golden["make_divisible"])
    EXPECT_EQ(openelm::make_divisible(each[0], each[1]), each[2].get<std::int64_t>()) << each;
}

TEST(OpenElm, LayerWiseScalingIsCoreNets) {
  const json golden = dims();
  ASSERT_EQ(golden["lws_cases"].size(), 24u);
  for (const json& each : golden["lws_cases"]) {
    const std::int64_t count = each["L"];
    const auto qkv = openelm::multipliers(each["qkv"][0], each["qkv"][1], count);
    const auto ffn = openelm::multipliers(each["ffn"][0], each["ffn"][1], count);
    EXPECT_EQ(qkv, each["qkv_mult"].get<std::vector<double>>());
    EXPECT_EQ(ffn, each["ffn_mult"].get<std::vector<double>>());
    const auto layers =
        openelm::layers({each["D"], each["H"], each["G"], each["ffn_dim_divisor"]}, qkv, ffn);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      EXPECT_EQ(layers[i].heads, each["q"][i].get<std::int64_t>()) << each << " layer " << i;
      EXPECT_EQ(layers[i].ffn, each["f"][i].get<std::int64_t>()) << each << " layer " << i;
    }
  }
}

TEST(OpenElm, TheFourModelsHaveTheirSizes) {
  const json golden = dims();
  const std::vector<std::tuple<openelm::Size, const char*, std::int64_t>> models{
      {openelm::Size::m270, "OpenELM-270M", 271527168},
      {openelm::Size::m450, "OpenELM-450M", 457179136},
      {openelm::Size::b1_1, "OpenELM-1_1B", 1079891456},
      {openelm::Size::b3, "OpenELM-3B", 3036647424}};
  for (const auto& [size, label, parameters] : models) {
    const LanguageConfig config = openelm::config(size);
    EXPECT_EQ(parameter_count(config), parameters) << label;
    const json& wanted = golden[label];
    ASSERT_EQ(wanted["L"].get<std::size_t>(), config.layers.size());
    EXPECT_EQ(wanted["D"].get<std::int64_t>(), config.width);
    EXPECT_EQ(wanted["H"].get<std::int64_t>(), config.head_width);
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
      EXPECT_EQ(wanted["q"][i].get<std::int64_t>(), config.layers[i].heads) << label << i;
      EXPECT_EQ(wanted["kv"][i].get<std::int64_t>(), config.layers[i].kv_heads) << label << i;
      EXPECT_EQ(wanted["ffn"][i].get<std::int64_t>(), config.layers[i].ffn) << label << i;
    }
  }
}

struct Golden {
  LanguageModel model;
  WeightStore io;
  std::vector<std::int32_t> ids, seq, pos;  // two sequences of 32, packed
};

Golden load(const std::string& name) {
  const std::string folder = "golden/openelm/" + name;
  Golden golden{
      load_language_model(folder), load_safetensors(folder + "/io.safetensors"), {}, {}, {}};
  golden.ids = integers(golden.io.at("input_ids"));
  for (std::int32_t i = 0; i < 64; ++i) {
    golden.seq.push_back(i / 32);
    golden.pos.push_back(i % 32);
  }
  return golden;
}

class TinyOpenElm : public testing::TestWithParam<std::tuple<const char*, Runner>> {};

TEST_P(TinyOpenElm, LogitsHiddenStatesAndGreedyIdsAreCoreNets) {
  const auto [name, runner] = GetParam();
  const Golden golden = load(name);
  const Forward forward(golden.model, runner, 64);
  EXPECT_LE(greatest_difference(forward.logits(golden.ids, golden.seq, golden.pos),
                                decode(golden.io.at("logits"))),
            2e-5);
  const std::vector<Tensor> hidden = forward.hidden(golden.ids, golden.seq, golden.pos);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    EXPECT_LE(greatest_difference(hidden[i], decode(golden.io.at("hidden." + std::to_string(i)))),
              2e-5)
        << i;
  const std::vector<std::int32_t> wanted = integers(golden.io.at("greedy_prompt8_new16"));
  EXPECT_EQ(greedy(forward, {wanted.begin(), wanted.begin() + 8}, 16), wanted);
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyOpenElm,
                         testing::Combine(testing::Values("tiny_a", "tiny_b", "tiny_c"),
                                          testing::Values(Runner::reference, Runner::native)));

TEST(OpenElm, ParametersAreCounted) {
  EXPECT_EQ(parameter_count(load("tiny_a").model.config), 187072);
  EXPECT_EQ(parameter_count(load("tiny_b").model.config), 652544);
  EXPECT_EQ(parameter_count(load("tiny_c").model.config), 207296);
}

}  // namespace
}  // namespace pliant::language
