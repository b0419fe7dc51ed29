// pliant search find and export, on a supernet that was not trained.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "formats/npy/npy.h"
#include "models/elasticvit/random.h"
#include "search/recipe/supernet_file.h"

namespace pliant::test::search_find {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string& supernet() {
  static const std::string path = [] {
    const search::SupernetRecipe recipe = search::supernet_recipe_from_json(
        R"({"space": {"resolutions": [16, 32], "head_dim": 16, "stages": [
             {"name": "stem", "kind": "mb", "stride": 1, "widths": [8], "depths": [1],
              "expansions": [1], "kernels": [3], "se": false},
             {"name": "C0", "kind": "mb", "stride": 2, "widths": [8, 16], "depths": [1, 2],
              "expansions": [2, 3], "kernels": [3, 5], "se": true},
             {"name": "T0", "kind": "transformer", "stride": 2, "widths": [16, 32],
              "depths": [1, 2], "mlp_ratios": [2], "v_scales": [2]}],
             "head": {"multiplier": 2, "hidden": 32, "classes": 16}},
            "images": {"shapes": 96, "side": 32, "held_out": 0.3}, "batch": {"images": 8},
            "length": {"steps": 1}, "judge": {"batches": 2}})",
        "recipe", "");
    const std::string folder = temporary("untrained");
    fs::create_directories(folder);
    write_supernet(folder + "/supernet.safetensors", recipe,
                   elasticvit::initial_supernet(recipe.space, 1));
    return folder;
  }();
  return path;
}

std::vector<std::string> find(const std::string& folder, std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              {"search", "find", supernet(), "--out", folder, "--threads", "1", "--json"});
  return more;
}

const std::vector<std::string> few{"--flops",       "0:500k", "--begin",     "6",
                                   "--generations", "2",      "--mutations", "2",
                                   "--crossings",   "2"};

TEST(SearchFind, FindsWithinTheConstraintsAndTheSameAfterItWasKilled) {
  const std::string whole = temporary("found"), killed = temporary("found-killed");
  const Outcome outcome = pliant(find(whole, few));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["met"], true);
  EXPECT_LE(answer["flops"], 500'000);
  EXPECT_GT(answer["evaluated"], 6);
  for (const json& each : answer["front"]) EXPECT_LE(each["flops"], 500'000);
  EXPECT_GE(answer["front"].size(), 1u);
  EXPECT_GE(answer["what_if"].size(), 3u);
  for (const json& each : answer["what_if"]) {
    EXPECT_NE(each["flops"], answer["flops"]) << each["choice"];
    EXPECT_EQ(each["met"], each["flops"] <= 500'000);
  }
  EXPECT_EQ(json::parse(read_file(whole + "/found.json")), answer);
  EXPECT_TRUE(fs::exists(whole + "/report.html"));
  for (const double seconds : {0.15, 0.3}) pliant_interrupted(find(killed, few), SIGKILL, seconds);
  const Outcome again = pliant(find(killed, few));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(json::parse(again.out), answer);
  EXPECT_EQ(read_file(killed + "/log.jsonl"), read_file(whole + "/log.jsonl"));
  const Outcome other = pliant(find(whole, {"--flops", "0:400k"}));
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("is of a search with other settings"), std::string::npos);
}

TEST(SearchFind, NamesTheNearestWhereNothingMeetsTheConstraints) {
  const std::string target = temporary("target.json", R"({"flops": 1000, "parameters": 100})");
  const Outcome outcome = pliant(find(temporary("nothing"), {"--target", target}));
  EXPECT_EQ(outcome.code, 1);
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["met"], false);
  EXPECT_EQ(answer["nearest"]["arch"]["res"], 16);
  EXPECT_EQ(answer["nearest"]["arch"]["widths"], json({8, 8, 16}));
  EXPECT_EQ(pliant(find(temporary("bad"), {"--target", temporary("bad.json", "{}")})).code, 1);
  EXPECT_EQ(pliant({"search", "find", temporary("nowhere"), "--out", temporary("x")}).code, 1);
}

std::vector<float> output_of(const std::string& network) {
  const std::string out = temporary("logits.npy");
  const Outcome run = pliant({"run", network, "--input", "random:3", "--out", out});
  EXPECT_EQ(run.code, 0) << run.err;
  const MappedFile file(out);
  const Tensor logits = tensor_from_npy(file.bytes(), out);
  return {logits.span<float>().begin(), logits.span<float>().end()};
}

TEST(SearchExport, FilesSayTheSameAndHaveTheAccuracyOfTheSupernet) {
  const std::string folder = temporary("exported");
  fs::create_directories(folder);
  const std::string found = folder + "/found";
  const json answer = json::parse(pliant(find(found, few)).out);
  for (const char* kind : {".pliant", ".onnx", ".tflite", ".safetensors"}) {
    const Outcome outcome =
        pliant({"search", "export", supernet(), "--arch", found + "/found.json", "--out",
                folder + "/subnet" + kind, "--labels", folder + "/labels", "--json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const json told = json::parse(outcome.out);
    EXPECT_EQ(told["arch"], answer["arch"]);
    EXPECT_EQ(told["accuracy"], answer["accuracy"]);
    EXPECT_EQ(told["side"], 32);
  }
  const std::vector<float> ours = output_of(folder + "/subnet.pliant"),
                           onnx = output_of(folder + "/subnet.onnx");
  ASSERT_EQ(ours.size(), 16u);
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], onnx[i], 1e-4);
  EXPECT_NE(read_file(folder + "/labels").find('\n'), std::string::npos);
  EXPECT_EQ(read_file(folder + "/subnet.tflite").substr(4, 4), "TFL3");
  const Outcome wrong = pliant(
      {"search", "export", supernet(), "--arch", "smallest", "--out", folder + "/subnet.keras"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("end it in .pliant, .onnx, .tflite or .safetensors"), std::string::npos);
}

}  // namespace
}  // namespace pliant::test::search_find
