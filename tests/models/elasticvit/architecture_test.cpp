#include "models/elasticvit/architecture.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "errors.h"
#include "models/elasticvit/blocks.h"
#include "models/elasticvit/counts.h"
#include "models/elasticvit/golden.h"

namespace pliant::elasticvit {
namespace {

using nlohmann::json;

TEST(Architecture, CountsOfAllReferenceSubnetsAreExact) {
  const Space& space = published_space();
  const json subnets = golden("subnets.json");
  ASSERT_EQ(subnets.size(), 123U);
  for (const json& each : subnets) {
    SCOPED_TRACE(each["name"]);
    const Architecture architecture = from(space, each["arch"]);
    EXPECT_EQ(json::parse(to_json(space, architecture)), each["arch"]);
    EXPECT_EQ(flops(space, architecture), each["flops"]);
    const Parameters counts = parameters(space, architecture);
    EXPECT_EQ(counts.without_bias_tables, each["params_without_bias_tables"]);
    EXPECT_EQ(counts.read(), each["params_with_reachable_bias_rows"]);
    EXPECT_EQ(counts.without_bias_tables + counts.all_bias_rows,
              each["params_with_full_bias_tables"]);
  }
}

TEST(Architecture, FlopsOfScaledDownSubnetsAreExact) {
  for (const char* toy : {"toy_a", "toy_b"}) {
    const Space space = toy_space(toy);
    const json reference = golden(std::string(toy) + ".json");
    for (const auto& [name, each] : reference["subnets"].items())
      EXPECT_EQ(flops(space, from(space, each["arch"])), each["flops"]) << toy << " " << name;
  }
}

TEST(Architecture, NamedOnesAreThePapers) {
  const Space& space = published_space();
  std::map<std::string, json> reference;
  for (const json& each : golden("subnets.json")) reference[each["name"]] = each["arch"];
  ASSERT_EQ(published_architectures().size(), 9U);
  for (const Published& each : published_architectures())
    EXPECT_EQ(json::parse(to_json(space, each.architecture)), reference.at(std::string(each.name)));
  EXPECT_EQ(smallest(space), from(space, reference.at("smallest_200")));
  EXPECT_EQ(largest(space), from(space, reference.at("largest")));
}

TEST(Architecture, EndsOfASpaceObeyItsOrder) {
  Space space = toy_space("toy_a");
  space.stages[1].widths = {24};
  const Architecture least = smallest(space);
  EXPECT_NO_THROW(check(space, least, "least"));
  EXPECT_EQ(least.stages[2].width, 24);
}

// The published predictor's quirks: 16 channels in front of a 24-wide stem, sides rounded down.
TEST(Architecture, BlocksHaveThePublishedKeys) {
  const Space& space = published_space();
  const StageChoice wide{24, 2, {1, 5}};
  EXPECT_EQ(
      stage_blocks(space, 224, 0, 0, wide),
      (std::vector<std::string>{"firstconv_224_3_24_2_3", "conv_112_16_24_1_1_hard_swish_5_nose",
                                "conv_112_24_24_1_1_hard_swish_5_nose"}));
  EXPECT_EQ(stage_blocks(space, 224, 2, 24, {48, 2, {3, 3}}),
            (std::vector<std::string>{"conv_56_24_48_3_2_hard_swish_3_se",
                                      "conv_28_48_48_3_1_hard_swish_3_se"}));
  EXPECT_EQ(stage_blocks(space, 224, 6, 192, {256, 1, {4, 2}}),
            (std::vector<std::string>{"transds_7_192_256_2_6", "transattn_3_256_hard_swish_2_ln",
                                      "transffn_3_256_4_hard_swish_ln"}));
  EXPECT_EQ(head_block(space, 224, 256), "mbpool_3_256_1984_6_hard_swish");
}

TEST(Architecture, OutsideTheSpaceNamesTheFieldAndItsChoices) {
  const Broken all[] = {
      {"/colour", "1",
       "a.json: unknown field 'colour' (known: res, widths, depths, conv_expansions, kernels, "
       "mlp_ratios, heads, windows, qk_scales, v_scales)"},
      {"/res", "130",
       "a.json: res: 130 is no choice of the space (choose one of 128, 160, 176, 192, 224, 256)"},
      {"/res", "\"big\"", "a.json: res: is string, not a whole number below 2^63"},
      {"/widths", "[16, 24]",
       "a.json: widths: has 2 entries, not one per stage: stem, C0, C1, T0, T1, T2, T3"},
      {"/widths/3", "65",
       "a.json: widths[3]: 65 is no choice of T0 (choose one of 48, 64, 80, 96)"},
      {"/widths/2", "16",
       "a.json: widths[2]: 16 of C1 is below the 24 of C0 (widths never fall from stage to stage)"},
      {"/depths/3", "9", "a.json: depths[3]: 9 is no choice of T0 (choose one of 1, 2, 3, 4, 5)"},
      {"/kernels", "[3]",
       "a.json: kernels: has 1 entries, but there are 6 such layers: stem 1, C0 2, C1 3"},
      {"/conv_expansions/2", "4",
       "a.json: conv_expansions[2]: is 4, but the layers of C0 are alike and it begins with 3"},
      {"/conv_expansions", "[1, 2, 2, 3, 3, 3]",
       "a.json: conv_expansions: 2 is no choice of C0 (choose one of 3, 4, 5, 6)"},
      {"/mlp_ratios/0", "7", "a.json: mlp_ratios: 7 is no choice of T0 (choose one of 2, 3, 4, 5)"},
      {"/heads/1", "4", "a.json: heads: is 4 in T1, where only 6 is possible"},
      {"/windows/0", "2", "a.json: windows: is 2 in T0, where only 1 is possible"}};
  const json t1 = golden("subnets.json")[0]["arch"];
  for (const Broken& each : all) {
    json arch = t1;
    arch[json::json_pointer(each.pointer)] = json::parse(each.value);
    EXPECT_EQ(error_of([&] { architecture_from_json(published_space(), arch.dump(), "a.json"); }),
              each.error)
        << each.pointer;
  }
}

TEST(Architecture, WhatFollowsMayBeLeftOut) {
  json arch = golden("subnets.json")[0]["arch"];
  const Architecture whole = from(published_space(), arch);
  for (const char* key : {"heads", "windows", "qk_scales"}) arch.erase(key);
  EXPECT_EQ(from(published_space(), arch), whole);
}

TEST(Architecture, OfAnotherNumberOfStagesIsRefused) {
  Architecture short_one = smallest(published_space());
  short_one.stages.pop_back();
  EXPECT_EQ(error_of([&] { check(published_space(), short_one, "a"); }),
            "a: has 6 stages, but the space 7");
}

}  // namespace
}  // namespace pliant::elasticvit
