// pliant search measure, sample and profile.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

using nlohmann::json;

json reference() {
  return json::parse(read_file(PLIANT_SOURCE "/tests/golden/elasticvit/subnets.json"));
}

json printed(std::vector<std::string> words) {
  words.push_back("--json");
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.code == 0 ? json::parse(outcome.out) : json();
}

// A table of a phone that takes a millisecond for each block of the smallest subnet.
std::string folder_with_a_table() {
  const std::string folder = temporary("tables");
  std::filesystem::create_directories(folder);
  json table;
  for (const char* key :
       {"firstconv_128_3_16_2_3", "conv_64_16_16_1_1_hard_swish_3_nose",
        "conv_64_16_16_3_2_hard_swish_3_nose", "conv_32_16_16_3_1_hard_swish_3_nose",
        "conv_32_16_16_3_2_hard_swish_3_se", "conv_16_16_16_3_1_hard_swish_3_se",
        "transds_16_16_48_2_6", "transattn_8_48_hard_swish_2_ln", "transffn_8_48_2_hard_swish_ln",
        "transds_8_48_80_1_6", "transattn_8_80_hard_swish_2_ln", "transffn_8_80_2_hard_swish_ln",
        "transds_8_80_144_2_6", "transattn_4_144_hard_swish_2_ln", "transffn_4_144_2_hard_swish_ln",
        "transds_4_144_160_2_6", "transattn_2_160_hard_swish_2_ln",
        "transffn_2_160_2_hard_swish_ln", "mbpool_2_160_1984_6_hard_swish"})
    table[key] = 1;
  write_file(folder + "/board_lut.json", table.dump());
  return folder;
}

// The published tables take their time to read.
class WithoutTables {
 public:
  WithoutTables() {
    if (const char* data = std::getenv("PLIANT_DATA")) data_ = data;
    unsetenv("PLIANT_DATA");
  }
  ~WithoutTables() {
    if (!data_.empty()) setenv("PLIANT_DATA", data_.c_str(), 1);
  }
  WithoutTables(const WithoutTables&) = delete;

 private:
  std::string data_;
};

// The published space at its smallest resolution: a sixth of the work.
std::string small_space() {
  json space = json::parse(read_file(PLIANT_SOURCE "/tests/golden/elasticvit/space.json"));
  space["resolutions"] = {128};
  space.erase("stage_sides");
  for (json& stage : space["stages"]) stage.erase("bias_table_side");
  return temporary("space.json", space.dump());
}

TEST(Search, MeasuresWhatTheReferenceCounts) {
  const char* data = std::getenv("PLIANT_DATA");
  const json rows = reference();
  for (const std::size_t i : {0, 13}) {
    const json& row = rows[i];
    const std::string file = temporary("subnet.json", row["arch"].dump());
    const json got = printed({"search", "measure", "--arch", i == 13 ? row["arch"].dump() : file});
    EXPECT_EQ(got["arch"], row["arch"]);
    EXPECT_EQ(got["flops"], row["flops"]);
    EXPECT_EQ(got["parameters"], row["params_with_reachable_bias_rows"]);
    for (const char* each : {"params_without_bias_tables", "params_with_reachable_bias_rows",
                             "params_with_full_bias_tables"})
      EXPECT_EQ(got[each], row[each]);
    if (data == nullptr) continue;
    ASSERT_EQ(got["latency_ms"].size(), 4U);
    for (const auto& [phone, milliseconds] : row["latency_ms"].items())
      EXPECT_NEAR(got["latency_ms"][phone], milliseconds, 1e-9) << phone;
  }
}

TEST(Search, TakesTablesAndSpacesOfOnesOwn) {
  const std::string tables = folder_with_a_table();
  EXPECT_EQ(printed({"search", "measure", "--arch", "smallest", "--latency-tables", tables})
                .at("latency_ms"),
            json({{"board", 19}}));
  const WithoutTables without;
  EXPECT_EQ(
      printed({"search", "measure", "--arch", "largest", "--space", small_space()})["arch"]["res"],
      128);
}

TEST(Search, PrintsATableForPeople) {
  const WithoutTables without;
  const Outcome outcome = pliant({"search", "measure", "--arch", "T1"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.out.find("\ntotal "), std::string::npos);
  EXPECT_NE(outcome.out.find(" 62.915     8905832"), std::string::npos) << outcome.out;
}

TEST(Search, SamplesLieInTheirWindowsAndFollowTheSeed) {
  const WithoutTables without;
  const std::vector<std::string> words{"search",  "sample",    "--space",      small_space(),
                                       "--flops", "100M:120M", "--parameters", "9M:10M",
                                       "-n",      "5",         "--seed",       "3"};
  const json first = printed(words);
  EXPECT_EQ(first, printed(words));
  ASSERT_EQ(first["subnets"].size(), 5U);
  for (const json& each : first["subnets"]) {
    EXPECT_GE(each["flops"], 100'000'000);
    EXPECT_LE(each["flops"], 120'000'000);
    EXPECT_GE(each["parameters"], 9'000'000);
    EXPECT_LE(each["parameters"], 10'000'000);
  }
  const json& last = first["subnets"].back();
  EXPECT_EQ(printed({"search", "measure", "--arch", last["arch"].dump()}).at("flops"),
            last["flops"]);
}

// Few and small subnets: the file counts here, not what is in it.
TEST(Search, ProfilesThisComputerAndPredictsWithIt) {
  const WithoutTables without;
  const std::string space = temporary("tiny.json", R"({"resolutions": [16, 32],
    "head": {"multiplier": 1, "hidden": 8, "classes": 2}, "stages": [
    {"name": "stem", "kind": "mb", "stride": 1, "widths": [16], "depths": [1, 2], "expansions": [1],
     "kernels": [3], "se": false},
    {"name": "T0", "kind": "transformer", "stride": 2, "widths": [16, 32], "depths": [1, 2],
     "mlp_ratios": [1, 2], "v_scales": [1]}]})");
  const std::string folder = temporary("profiled");
  std::filesystem::create_directories(folder);
  const json profile = printed({"search", "profile", "--space", space, "-n", "20", "--rounds", "1",
                                "--threads", "1", "--out", folder + "/here.json"});
  EXPECT_EQ(profile, json::parse(read_file(folder + "/here.json")));
  EXPECT_EQ(profile["fitted"], 16);
  EXPECT_EQ(profile["held_out"], 4);
  EXPECT_EQ(profile["threads"], 1);
  EXPECT_GT(profile["mean_error"], 0);
  const json measured = printed(
      {"search", "measure", "--arch", "largest", "--space", space, "--latency-tables", folder});
  EXPECT_GT(measured["latency_ms"]["here"], 0);
  EXPECT_LT(measured["latency_ms"]["here"], 1000);
}

struct BadSearch {
  std::vector<std::string> words;
  int code;
  std::string error;
};

TEST(Search, RefusesNamingThePlaceAndTheNextStep) {
  const std::string tables = folder_with_a_table(), empty = temporary("no-tables");
  std::filesystem::create_directories(empty);
  const BadSearch all[] = {
      {{"measure"}, 2, "--arch: is missing"},
      {{"measure", "--arch", "T9"},
       1,
       "--arch: 'T9' is no file and no name\n  try: names: smallest, largest, T1, "},
      {{"measure", "--arch", R"({"res": 128, "colour": 1})"}, 1, "--arch: unknown field 'colour'"},
      {{"measure", "--arch", "T1", "--latency-tables", empty},
       1,
       empty + ": has no .json file\n  try: a table is {\"BLOCK\": milliseconds, ...}, called "
               "PHONE_lut.json"},
      {{"measure", "--arch", "T1", "--latency-tables", tables},
       1,
       "has no block 'conv_64_16_24_3_2_hard_swish_3_nose'"},
      {{"sample", "--flops", "7"}, 2, "--flops: '7' is no range\n  try: write FROM:TO"},
      {{"sample", "--flops", "2M:1M"}, 2, "--flops: '2M:1M' ends below its beginning"},
      {{"sample", "--flops", "1:x"}, 2, "--flops: 'x' is not a whole number"},
      {{"sample", "--flops", "1:2"},
       1,
       "window: no subnet costs 1 to 2\n  try: they cost 37365024 to "},
      {{"sample", "--latency", "board", "--latency-tables", tables},
       2,
       "--latency: 'board' names no phone"},
      {{"sample", "--latency", "bord=1:2", "--latency-tables", tables},
       2,
       "--latency: there is no table of 'bord'\n  try: did you mean 'board'?"},
      {{"sample", "--latency", "board=1:x", "--latency-tables", tables},
       2,
       "--latency: 'x' is no number of milliseconds"},
      {{"sample", "-n", "0"}, 2, "--count"},
      {{"profile"}, 2, "--out: is missing"},
      {{"profile", "--out", "x.json", "-n", "3"}, 2, "--count"}};
  for (const BadSearch& each : all) {
    std::vector<std::string> words{"search"};
    words.insert(words.end(), each.words.begin(), each.words.end());
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, each.code) << each.error;
    EXPECT_NE(outcome.err.find(each.error), std::string::npos) << outcome.err;
  }
}

TEST(Search, WithoutTablesSaysHowToGiveThem) {
  const WithoutTables without;
  const Outcome outcome = pliant({"search", "measure", "--arch", "T1", "--json"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(json::parse(outcome.out)["latency_ms"], json::object());
  EXPECT_NE(outcome.err.find("no latency tables: give a folder"), std::string::npos);
}

}  // namespace
}  // namespace pliant::test
