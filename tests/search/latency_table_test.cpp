#include "search/latency_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "errors.h"

namespace pliant::search {
namespace {

TEST(LatencyTable, SumsOfAllReferenceSubnetsAreExact) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const std::vector<LatencyTable> tables = latency_tables(std::string(data) + "/latency-tables");
  ASSERT_EQ(tables.size(), 4U);
  const auto subnets = nlohmann::json::parse(read_file("golden/elasticvit/subnets.json"));
  const elasticvit::Space& space = elasticvit::published_space();
  for (const LatencyTable& table : tables) {
    const TablePredictor predictor(space, table);
    for (const auto& each : subnets) {
      const double wanted = each["latency_ms"][table.phone()];
      EXPECT_NEAR(
          predictor.predict(architecture_from_json(space, each["arch"].dump(), "reference")),
          wanted, 1e-12 * wanted)
          << table.phone() << " " << each["name"];
    }
  }
}

TEST(LatencyTable, IsNamedAfterItsPhone) {
  EXPECT_EQ(LatencyTable("{}", "a/pixel6_lut_ln_v3.json").phone(), "pixel6");
  EXPECT_EQ(LatencyTable("{}", "my board.json").phone(), "my board");
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
  EXPECT_EQ(thrown_by([] { latency_tables("golden/nowhere"); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(error_of([] { latency_tables("golden"); }),
            "golden: has no .json file (a table is {\"BLOCK\": milliseconds, ...}, called "
            "PHONE_lut.json)");
}

}  // namespace
}  // namespace pliant::search
