#include "search/latency_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "errors.h"
#include "search/latency_folder.h"

namespace pliant::search {
namespace {

TEST(LatencyTable, SumsOfAllReferenceSubnetsAreExact) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const elasticvit::Space& space = elasticvit::published_space();
  const std::vector<NamedPredictor> phones =
      latency_predictors(space, std::string(data) + "/latency-tables");
  ASSERT_EQ(phones.size(), 4U);
  const auto subnets = nlohmann::json::parse(read_file("golden/elasticvit/subnets.json"));
  for (const NamedPredictor& phone : phones)
    for (const auto& each : subnets) {
      const double wanted = each["latency_ms"][phone.name];
      EXPECT_NEAR(
          phone.predictor->predict(architecture_from_json(space, each["arch"].dump(), "reference")),
          wanted, 1e-12 * wanted)
          << phone.name << " " << each["name"];
    }
}

TEST(LatencyTable, RefusesWhatIsNoneOrLacksABlock) {
  EXPECT_EQ(error_of([] { LatencyTable("[]", "t"); }), "t: is array, not an object");
  EXPECT_EQ(error_of([] { LatencyTable(R"({"a": -1})", "t"); }), "t: a: is -1, not milliseconds");
  EXPECT_EQ(error_of([] { LatencyTable(R"({"a": "1"})", "t"); }),
            "t: a: is \"1\", not milliseconds");
  const LatencyTable table(R"({"firstconv_128_3_16_2_3": 1})", "t");
  const elasticvit::Space& space = elasticvit::published_space();
  EXPECT_EQ(error_of([&] { TablePredictor(space, table).predict(smallest(space)); }),
            "t: has no block 'conv_64_16_16_1_1_hard_swish_3_nose' (its space is another one)");
}

TEST(LatencyTable, FoldersWithoutTablesAreRefused) {
  EXPECT_EQ(
      thrown_by([] { latency_predictors(elasticvit::published_space(), "golden/nowhere"); }).kind(),
      ErrorKind::not_found);
  EXPECT_EQ(error_of([] { latency_predictors(elasticvit::published_space(), "golden"); }),
            "golden: has no .json file (a table is {\"BLOCK\": milliseconds, ...}, called "
            "PHONE_lut.json)");
}

}  // namespace
}  // namespace pliant::search
