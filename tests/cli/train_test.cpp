// From a text to a model that talks, as a user would; skipped where libtorch is not built in.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace pliant::test {
namespace {

using nlohmann::json;

// Sentences of a small world.
std::string stories() {
  const char* const who[] = {"The cat", "A fox", "My aunt", "The king"};
  const char* const does[] = {"sees", "likes", "follows", "finds"};
  const char* const what[] = {"the moon", "a small house", "the long river", "an old friend"};
  std::string text;
  for (int i = 0; i < 1200; ++i) {
    text += std::string(who[i * 7 % 4]) + " " + does[i * i % 4] + " " + what[(i / 3) % 4] + ".\n";
    if (i % 6 == 5) text += "\n";
  }
  return text;
}

struct Workshop {
  std::string text = temporary("stories.txt", stories()), words = temporary("words.json"),
              recipe = temporary("stories.json");
  Workshop() {
    EXPECT_EQ(pliant({"tokenizer", "train", text, "--size", "300", "--special", "<|end|>", "--out",
                      words})
                  .code,
              0);
  }
  json base(int steps) const {
    return {{"model",
             {{"layers", 2}, {"width", 32}, {"head_width", 8}, {"groups", 2}, {"ffn_divisor", 16}}},
            {"data",
             {{"tokenizer", words},
              {"sources", {{{"corpus", {text}}}}},
              {"length", 32},
              {"held_out", 0}}},
            {"batch", {{"sequences", 4}}},
            {"length", {{"steps", steps}}},
            {"optimizer", {{"rate", 0.01}}},
            {"schedule", {{"warmup", 5}}},
            {"save", {{"every", 5}}},
            {"sample", {{"every", 20}, {"prompt", "The cat"}, {"tokens", 8}}}};
  }
  void write(const json& what) const { std::ofstream(recipe) << what.dump(); }
};

std::vector<double> losses(const std::string& folder) {
  std::vector<double> result;
  std::ifstream log(folder + "/log.jsonl");
  for (std::string line; std::getline(log, line);)
    if (const json each = json::parse(line); each.contains("loss")) result.push_back(each["loss"]);
  return result;
}

Outcome train(const Workshop& shop, const std::string& folder) {
  return pliant({"train", shop.recipe, "--out", folder, "--threads", "1", "--json"});
}

TEST(Train, ATextBecomesAModelThatTalks) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const Workshop shop;
  shop.write(shop.base(60));
  const std::string folder = temporary("talks");
  const Outcome trained = train(shop, folder);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const json answer = json::parse(trained.out);
  EXPECT_EQ(answer["finished"], true);
  EXPECT_EQ(answer["step"], 60);
  EXPECT_LT(losses(folder).back(), 0.7 * losses(folder).front());
  const Outcome said = pliant({"generate", answer["model"], "--prompt", "The cat", "--json"});
  EXPECT_EQ(said.code, 0) << said.err;
  for (const char* file : {"report.html", "recipe.json", "model/config.json"})
    EXPECT_TRUE(std::filesystem::exists(folder + "/" + file)) << file;
  const std::string questions =
                        temporary("who.jsonl",
                                  R"({"context": "The", "choices": ["cat", "qqq"], "label": 0})"),
                    page = folder + "/scores.html";
  const Outcome scored = pliant({"eval", folder, questions, "--all", "--report", page, "--json"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  const json checkpoints = json::parse(scored.out)["checkpoints"];
  EXPECT_EQ(checkpoints.size(), 5u);
  EXPECT_EQ(checkpoints.back()["step"], 60);
  EXPECT_EQ(checkpoints.back()["sets"][0]["acc"], 1);
  EXPECT_TRUE(std::filesystem::exists(page));
  EXPECT_EQ(pliant({"eval", answer["model"], questions, "--all"}).code, 1);
  EXPECT_EQ(pliant({"convert", answer["model"], "--to", "gguf", "--out", folder + "/m.gguf"}).code,
            0);
}

TEST(Train, KilledAtAnyMomentItGoesOnBitByBit) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const Workshop shop;
  shop.write(shop.base(30));
  const std::string whole = temporary("whole-run"), killed = temporary("killed-run");
  ASSERT_EQ(train(shop, whole).code, 0);
  int kills = 0;
  for (const double seconds : {0.3, 0.7, 1.1})
    kills += pliant_interrupted({"train", shop.recipe, "--out", killed, "--threads", "1"}, SIGKILL,
                                seconds)
                 .code == 128 + SIGKILL;
  EXPECT_GT(kills, 0);
  ASSERT_EQ(train(shop, killed).code, 0);
  EXPECT_EQ(losses(killed), losses(whole));
}

TEST(Train, SaysWhatIsWrongAndLosesNothing) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const Workshop shop;
  shop.write(shop.base(5));
  const std::string folder = temporary("wrong");
  const auto says = [&](const json& recipe, const char* part) {
    shop.write(recipe);
    const Outcome outcome = train(shop, folder);
    EXPECT_EQ(outcome.code, 1) << part;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  };
  json recipe = shop.base(5);
  ASSERT_EQ(train(shop, folder).code, 0);
  recipe["optimizer"]["rate"] = 0.02;
  says(recipe, "optimizer.rate: 0.01, 0.02");
  recipe = shop.base(6);
  recipe["data"]["tokenizer"] = temporary("other.json");
  ASSERT_EQ(pliant({"tokenizer", "train", shop.text, "--size", "280", "--out",
                    recipe["data"]["tokenizer"]})
                .code,
            0);
  says(recipe, "data.tokenizer: ");
  recipe = shop.base(6);
  recipe["data"]["sources"] = {{{"shards", {temporary("nowhere")}}}};
  says(recipe, "nowhere");
  EXPECT_EQ(pliant({"train", shop.recipe, "--out", folder, "--time", "5s"}).code, 2);
  EXPECT_EQ(losses(folder).size(), 5u);
}

TEST(Train, ForecastsARun) {
  if (!can_train()) GTEST_SKIP() << "without libtorch";
  const Workshop shop;
  shop.write(shop.base(100));
  const std::string folder = temporary("forecast");
  ASSERT_EQ(pliant({"data", "pack", shop.text, "--tokenizer", shop.words, "--out", folder}).code,
            0);
  json recipe = shop.base(100);
  recipe["data"]["sources"] = {{{"shards", {folder}}}};
  shop.write(recipe);
  const Outcome outcome = pliant({"train", shop.recipe, "--dry-run", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["tokens"], 100 * 4 * 32);
  EXPECT_GT(answer["step_seconds"], 0);
}

}  // namespace
}  // namespace pliant::test
