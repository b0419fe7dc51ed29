#include "train/recipe/recipe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "errors.h"
#include "models/language/openelm.h"

namespace pliant::train {
namespace {

using nlohmann::json;

json small() {
  return {{"data", {{"tokenizer", "words.json"}, {"sources", {{{"shards", {"packed"}}}}}}},
          {"length", {{"steps", 100}}}};
}

Recipe read(const json& json) { return recipe_from_json(json.dump(), "r.json", "/base"); }

TEST(Recipe, HasDefaultsAndPathsBelowItsFolder) {
  const Recipe recipe = read(small());
  EXPECT_EQ(recipe.data.tokenizer, "/base/words.json");
  EXPECT_EQ(recipe.data.sources.at(0).shards.at(0), "/base/packed");
  EXPECT_EQ(recipe.optimizer.beta2, 0.95);
  EXPECT_EQ(recipe.at_once(), recipe.batch.sequences);
}

TEST(Recipe, ReadsBackWhatItWrites) {
  json given = small();
  given["optimizer"] = {{"kind", "muon"}, {"rate", 0.0017}, {"cautious", true}};
  given["schedule"] = {{"kind", "wsd"}};
  given["length"] = {{"seconds", 5400}};
  given["machine"] = {{"precision", "bf16"}, {"recompute", {"layers.*"}}};
  given["data"]["sources"] = {
      {{"name", "books"}, {"corpus", {"/abs/a.txt", "b.gz"}}, {"weight", 2.5}},
      {{"shards", {"x"}}}};
  given["seed"] = 77;
  const Recipe recipe = read(given);
  EXPECT_TRUE(recipe.machine.bf16);
  const std::string text = to_json(recipe);
  EXPECT_EQ(to_json(recipe_from_json(text, "again", "")), text);
  EXPECT_EQ(json::parse(text)["data"]["sources"][0]["corpus"][1], "/base/b.gz");
  EXPECT_EQ(difference(recipe, recipe), std::nullopt);
}

TEST(Recipe, NamesTheFieldThatIsWrong) {
  const auto said = [](auto change) {
    json given = small();
    change(given);
    return error_of([&] { read(given); });
  };
  const auto says = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  says(said([](json& j) { j["optimiser"] = 1; }), "optimizer");
  says(said([](json& j) { j["optimizer"] = {{"rat", 1}}; }), "rate");
  says(said([](json& j) {
         j["optimizer"] = {{"rate", -1}};
       }),
       "r.json: optimizer.rate: is -1, not from 1e-12 to 10");
  says(said([](json& j) { j["optimizer"] = {{"kind", "sgd"}}; }), "not one of: adamw, muon");
  says(said([](json& j) {
         j["length"] = {{"steps", 1}, {"tokens", 1}};
       }),
       "says 2 of steps, tokens and seconds");
  says(said([](json& j) {
         j["length"] = {{"seconds", 60}};
       }),
       "a cosine must know its end in steps");
  says(said([](json& j) { j["batch"] = {{"sequences", 6}, {"at_once", 4}}; }), "does not divide");
  says(said([](json& j) { j["data"]["sources"] = json::array(); }), "is empty");
  says(said([](json& j) { j["data"]["sources"][0]["corpus"] = {"t"}; }),
       "shards or corpus, one of the two");
  says(said([](json& j) { j["model"] = {{"attention", {"a"}}}; }), "model.attention[0]");
}

TEST(Recipe, ContinuationsMayRunLongerButComputeTheSame) {
  const Recipe saved = read(small());
  Recipe given = saved;
  given.length.steps = 200;
  given.save.keep = 9;
  EXPECT_EQ(difference(saved, given), std::nullopt);
  given.optimizer.rate = 0.25;
  EXPECT_EQ(difference(saved, given), "optimizer.rate: 0.003, 0.25");
  given = saved;
  given.data.sources[0].shards.push_back("/more");
  EXPECT_EQ(difference(saved, given), "data.sources.0.shards.1: absent, \"/more\"");
}

TEST(Recipe, TheShippedOnesAreThePapers) {
  const std::vector<std::tuple<const char*, openelm::Size, double>> shipped{
      {"270m", openelm::Size::m270, 0.0053},
      {"450m", openelm::Size::m450, 0.0039},
      {"1.1b", openelm::Size::b1_1, 0.0024},
      {"3b", openelm::Size::b3, 0.0012}};
  for (const auto& [name, size, rate] : shipped) {
    const Recipe recipe = load_recipe(std::string("../recipes/openelm-") + name + ".json");
    LanguageConfig config = openelm::config(size);
    config.vocabulary = 32128;  // padded for training
    EXPECT_EQ(config_of(recipe.model, 32000, recipe.data.length), config) << name;
    EXPECT_EQ(recipe.optimizer.rate, rate) << name;
    EXPECT_EQ(recipe.step_tokens() * recipe.length.steps, 1'468'006'400'000) << name;
    double billions = 0;
    for (const SourceRecipe& each : recipe.data.sources) billions += each.weight;
    EXPECT_NEAR(billions, 1784.3, 1e-9) << name;
  }
}

TEST(Recipe, MakesOpenElmsModels) {
  const ModelRecipe recipe;  // the 270M
  const LanguageConfig config = config_of(recipe, 32000, 2048);
  EXPECT_EQ(config, openelm::config(openelm::Size::m270));
  ModelRecipe odd = recipe;
  odd.vocabulary_multiple = 128;
  EXPECT_EQ(config_of(odd, 32001, 2048).vocabulary, 32128);
  odd.vocabulary = 1000;
  EXPECT_NE(error_of([&] { config_of(odd, 32001, 2048); }).find("1000 rows for the 32001 tokens"),
            std::string::npos);
  odd = recipe;
  odd.ffn = {1, 2, 3};
  EXPECT_NE(error_of([&] { config_of(odd, 32000, 2048); }).find("3 numbers for 16 layers"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::train
