#include "models/elasticvit/space.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "errors.h"
#include "models/elasticvit/golden.h"

namespace pliant::elasticvit {
namespace {

TEST(Space, ThePublishedOneIsTheReferencesToTheLastChoice) {
  const std::string text = read_file("golden/elasticvit/space.json");
  EXPECT_EQ(space_from_json(text, "space"), published_space());
  EXPECT_EQ(size(published_space()), 21'672'453'419'827'200);
}

TEST(Space, WithOneStemKernelItHalves) {
  Space space = published_space();
  space.stages[0].kernels = {3};
  EXPECT_EQ(size(space), 10'836'226'709'913'600);
}

TEST(Space, IsWrittenAndReadBack) {
  for (const Space& space : {published_space(), toy_space("toy_a")})
    EXPECT_EQ(space_from_json(to_json(space), "again"), space);
}

TEST(Space, SidesAreHalvesRoundedUp) {
  for (const char* toy : {"toy_a", "toy_b"}) {
    const Space space = toy_space(toy);
    const nlohmann::json reference = golden(std::string(toy) + ".json");
    for (const auto& [resolution, sides] : reference["stage_sides"].items()) {
      std::vector<std::int64_t> ours = stage_sides(space, std::stoll(resolution));
      EXPECT_EQ(std::vector<std::int64_t>(ours.begin() + 1, ours.end()),
                sides.get<std::vector<std::int64_t>>());
    }
  }
}

TEST(Space, RefusesWhatNoSupernetCanBe) {
  const Broken all[] = {
      {"/stage", "1", "space: unknown field 'stage' (did you mean 'stages'?)"},
      {"/resolutions", "[]", "space: resolutions: has no choices"},
      {"/resolutions", "[100]",
       "space: resolutions: 100 is no multiple of 8, the strides of the mobile stages"},
      {"/resolutions", "[128, 128]", "space: resolutions: 128, 128 does not ascend"},
      {"/resolutions", "[4096]", "space: resolutions: 4096 is not in 1 to 1024"},
      {"/head_dim", "0", "space: head_dim: 0 is not in 1 to 8192"},
      {"/monotonic_widths", "false", "space: monotonic_widths: can be true only"},
      {"/head/classes", "-1", "space: head.classes: -1 is not in 1 to 1048576"},
      {"/stages", "[]", "space: stages: has 0 entries, not 2 to 16"},
      {"/stages/0/expansions", "[2]", "space: stages[0].expansions: must be 1 alone in the stem"},
      {"/stages/0/stride", "2", "space: stages[0].stride: must be 1 in the stem"},
      {"/stages/0/se", "true", "space: stages[0].se: must be false in the stem"},
      {"/stages/1/kind", "\"conv\"", "space: stages[1].kind: 'conv' is neither mb nor transformer"},
      {"/stages/1/name", "\"stem\"", "space: stages[1].name: 'stem' is taken"},
      {"/stages/1/kernels", "[4]", "space: stages[1].kernels: 4 is even"},
      {"/stages/1/widths", "[16]",
       "space: stages[1].widths: none reaches the 24 of stem, which could never be chosen: widths "
       "never fall"},
      {"/stages/3/widths", "[56]", "space: stages[3].widths: 56 is no multiple of head_dim, 16"},
      {"/stages/3/qk_scales", "[2]", "space: stages[3].qk_scales: can be [1] only"},
      {"/stages/3/bias_table_side", "8",
       "space: stages[3].bias_table_side: is not 16, the largest side of the stage"},
      {"/stage_sides/128", "[1]", "space: stage_sides.128: does not follow from the strides"}};
  for (const Broken& each : all) {
    auto json = golden("space.json");
    json[nlohmann::json::json_pointer(each.pointer)] = nlohmann::json::parse(each.value);
    EXPECT_EQ(error_of([&] { space_from_json(json.dump(), "space"); }), each.error) << each.pointer;
  }
}

TEST(Space, RefusesOrdersAndSizesNoSupernetCanHave) {
  Space space = published_space();
  std::swap(space.stages[2].kind, space.stages[3].kind);
  std::swap(space.stages[2], space.stages[3]);
  EXPECT_NE(error_of([&] { check(space, "s"); }), "accepted");
  space = published_space();
  space.stages.resize(3);
  EXPECT_EQ(error_of([&] { check(space, "s"); }),
            "s: stages[2]: is no transformer, but the last one must be");
  space = published_space();
  for (int i = 0; i < 9; ++i) {
    space.stages.push_back(space.stages.back());
    space.stages.back().name += "'";
  }
  EXPECT_NE(error_of([&] { check(space, "s"); }).find("the number of architectures"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::elasticvit
