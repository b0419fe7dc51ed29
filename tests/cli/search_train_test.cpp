// pliant search train, as a user would; skipped where libtorch is not built in.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace pliant::test::search_train {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// A space of a few thousand small subnets, drawn shapes, two levels with banks.
json small_recipe(int steps) {
  return {{"space", json::parse(R"({"resolutions": [16, 32], "head_dim": 16, "stages": [
             {"name": "stem", "kind": "mb", "stride": 1, "widths": [8], "depths": [1],
              "expansions": [1], "kernels": [3], "se": false},
             {"name": "C0", "kind": "mb", "stride": 2, "widths": [8, 16], "depths": [1, 2],
              "expansions": [2, 3], "kernels": [3, 5], "se": true},
             {"name": "T0", "kind": "transformer", "stride": 2, "widths": [16, 32],
              "depths": [1, 2], "mlp_ratios": [2], "v_scales": [2]}],
             "head": {"multiplier": 2, "hidden": 32, "classes": 16}})")},
          {"images", {{"shapes", 320}, {"side", 32}, {"held_out", 0.2}}},
          {"batch", {{"images", 8}}},
          {"length", {{"steps", steps}}},
          {"sampler",
           {{"random", 2},
            {"levels", {3e5, 6e5}},
            {"window", 2e5},
            {"banks", {3, 3}},
            {"rescore_epochs", 0.2}}},
          {"optimizer", {{"rate", 0.002}, {"average", 0.9}}},
          {"schedule", {{"warmup", 5}}},
          {"save", {{"every", 5}, {"keep", 2}}},
          {"judge", {{"every", 10}, {"batches", 2}}}};
}

std::string written(const char* name, const json& recipe) { return temporary(name, recipe.dump()); }

std::vector<std::string> words(const std::string& recipe, const std::string& folder) {
  return {"search", "train", recipe, "--out", folder, "--threads", "1", "--json"};
}

// Everything of a run's steps but the time that they took.
std::vector<json> steps(const std::string& folder) {
  std::vector<json> result;
  std::ifstream log(folder + "/log.jsonl");
  for (std::string line; std::getline(log, line);)
    if (json each = json::parse(line); each.contains("subnets")) {
      each.erase("seconds");
      each.erase("memory_bytes");
      result.push_back(std::move(each));
    }
  return result;
}

TEST(SearchTrain, ARecipeBecomesASupernet) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const std::string folder = temporary("supernet"),
                    recipe = written("supernet.json", small_recipe(12));
  const Outcome trained = pliant(words(recipe, folder));
  ASSERT_EQ(trained.code, 0) << trained.err;
  const json answer = json::parse(trained.out);
  EXPECT_EQ(answer["finished"], true);
  EXPECT_EQ(answer["step"], 12);
  EXPECT_EQ(answer["images"], 12 * 8);
  ASSERT_EQ(answer["judged"].size(), 3u);
  EXPECT_EQ(answer["judged"][1]["name"], "level 0.3 M");
  EXPECT_GE(answer["judged"][1]["flops"], 3e5);
  for (const char* file : {"supernet.safetensors", "report.html", "recipe.json"})
    EXPECT_TRUE(fs::exists(folder + "/" + file)) << file;
  EXPECT_EQ(steps(folder).size(), 12u);
  // a run that has ended says the same again
  const json again = json::parse(pliant(words(recipe, folder)).out);
  EXPECT_EQ(again["judged"], answer["judged"]);
  json other = small_recipe(12);
  other["optimizer"]["rate"] = 0.001;
  const Outcome refused = pliant(words(written("other-rate.json", other), folder));
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("optimizer.rate: 0.002, 0.001"), std::string::npos) << refused.err;
  EXPECT_EQ(steps(folder).size(), 12u);
}

TEST(SearchTrain, KilledOrInterruptedItGoesOnBitByBit) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const std::string recipe = written("killed.json", small_recipe(20)),
                    whole = temporary("whole-supernet"), killed = temporary("killed-supernet");
  ASSERT_EQ(pliant(words(recipe, whole)).code, 0);
  int ends = 0;
  for (const auto& [signal, seconds] : {std::pair{SIGKILL, 0.6}, {SIGTERM, 0.9}, {SIGKILL, 1.1}}) {
    const Outcome outcome = pliant_interrupted(words(recipe, killed), signal, seconds);
    ends += outcome.code == 128 + SIGKILL ||
            outcome.out.find("\"finished\": false") != std::string::npos;
  }
  EXPECT_GT(ends, 0);
  ASSERT_EQ(pliant(words(recipe, killed)).code, 0);
  EXPECT_EQ(steps(killed), steps(whole));
  EXPECT_EQ(
      shell("cmp '" + whole + "/supernet.safetensors' '" + killed + "/supernet.safetensors'").code,
      0);
}

TEST(SearchTrain, ForecastsARunAndKeepsNothing) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const std::string folder = temporary("forecast-supernet");
  std::vector<std::string> all = words(written("forecast.json", small_recipe(100)), folder);
  all.emplace_back("--dry-run");
  const Outcome outcome = pliant(all);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["images"], 800);
  EXPECT_EQ(answer["training_images"].get<int>() + answer["held_out_images"].get<int>(), 320);
  EXPECT_GT(answer["step_seconds"], 0);
  EXPECT_FALSE(fs::exists(folder));
}

TEST(SearchTrain, SaysWhatIsWrongWithImages) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const std::string pictures = temporary("pictures"), folder = temporary("wrong-supernet");
  fs::create_directories(pictures + "/cat");
  json recipe = small_recipe(5);
  recipe["images"] = {{"folder", pictures}, {"side", 32}};
  const auto says = [&](const std::string& part) {
    const Outcome outcome = pliant(words(written("wrong.json", recipe), folder));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  };
  says("cat");  // is empty
  std::ofstream(pictures + "/cat/a.png") << "no picture";
  std::ofstream(pictures + "/b.png") << "beside the classes";
  says("b.png");
  fs::remove(pictures + "/b.png");
  says("its head has 16 classes, the images 1");
  recipe["images"]["broken"] = "leave out";
  says("cat");
  EXPECT_EQ(pliant({"search", "train", temporary("nowhere.json")}).code, 1);
}

}  // namespace
}  // namespace pliant::test::search_train
