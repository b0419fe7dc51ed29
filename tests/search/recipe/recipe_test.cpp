#include "search/recipe/recipe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/files.h"
#include "core/json.h"
#include "errors.h"
#include "models/elasticvit/architecture.h"
#include "models/elasticvit/random.h"
#include "search/recipe/supernet_file.h"
#include "search/samplers/by_level.h"

namespace pliant::search {
namespace {

using nlohmann::json;

constexpr const char* space = R"({"resolutions": [32, 48], "head_dim": 16, "stages": [
  {"name": "stem", "kind": "mb", "stride": 1, "widths": [16], "depths": [1, 2],
   "expansions": [1], "kernels": [3], "se": false},
  {"name": "T0", "kind": "transformer", "stride": 2, "widths": [32, 48], "depths": [1, 2],
   "mlp_ratios": [2, 3], "v_scales": [2, 3]}],
  "head": {"multiplier": 2, "hidden": 64, "classes": 16}})";

json base() {
  return {{"space", json::parse(space)},
          {"images", {{"shapes", 100}, {"side", 48}}},
          {"length", {{"steps", 10}}},
          {"sampler", {{"levels", {2e6, 3e6}}, {"window", 1e6}, {"banks", {4, 5}}}}};
}

SupernetRecipe recipe_from(const json& what) {
  return supernet_recipe_from_json(what.dump(), "r", "");
}

TEST(SupernetRecipe, IsReadBackAsItIs) {
  const SupernetRecipe recipe = recipe_from(base());
  EXPECT_EQ(recipe.space.resolutions, (elasticvit::Choices{32, 48}));
  EXPECT_EQ(recipe.images.shapes, 100);
  EXPECT_EQ(recipe.sampler.banks, (std::vector<double>{4, 5}));
  const std::string text = to_json(recipe);
  const SupernetRecipe again = supernet_recipe_from_json(text, "r", "");
  EXPECT_EQ(to_json(again), text);
  EXPECT_EQ(difference(recipe, again), std::nullopt);
  json smallest = base();
  smallest["sampler"]["smallest"] = {
      {{"upto", 2.5e6},
       {"arch", json::parse(to_json(recipe.space, elasticvit::smallest(recipe.space)))}},
      {{"arch", json::parse(to_json(recipe.space, elasticvit::smallest(recipe.space)))}}};
  const SupernetRecipe two = recipe_from(smallest);
  ASSERT_EQ(two.sampler.smallest.size(), 2U);
  EXPECT_TRUE(std::isinf(two.sampler.smallest[1].upto));
  EXPECT_EQ(to_json(recipe_from(json::parse(to_json(two)))), to_json(two));
}

TEST(SupernetRecipe, SpacesAndFoldersLieBesideIt) {
  const std::string folder = testing::TempDir() + "supernet_recipe";
  std::filesystem::create_directories(folder);
  write_file(folder + "/space.json", space);
  json by_name = base();
  by_name["space"] = "space.json";
  by_name["images"] = {{"folder", "pictures"}};
  write_file(folder + "/r.json", by_name.dump());
  const SupernetRecipe recipe = load_supernet_recipe(folder + "/r.json");
  EXPECT_EQ(recipe.space, recipe_from(base()).space);
  EXPECT_EQ(recipe.images.folder, folder + "/pictures");
}

TEST(SupernetRecipe, RefusalsNameTheField) {
  const auto refused = [](const char* pointer, const json& value) {
    json recipe = base();
    recipe[json::json_pointer(pointer)] = value;
    return error_of([&] { recipe_from(recipe); });
  };
  EXPECT_NE(refused("/sampler/kind", "level")
                .find("sampler.kind: is 'level', not one of: walk, independent, uniform, sandwich"),
            std::string::npos);
  EXPECT_NE(refused("/sampler/banks", json{1}).find("sampler.banks: are 1 for 2 levels"),
            std::string::npos);
  EXPECT_NE(refused("/length/epochs", 3).find("length: needs steps or epochs, one of the two"),
            std::string::npos);
  EXPECT_NE(refused("/images/folder", "x").find("images: needs folder or shapes"),
            std::string::npos);
  EXPECT_NE(refused("/images/std", json{1, 0, 1}).find("images.std: 0 cannot divide"),
            std::string::npos);
  EXPECT_NE(refused("/optimiser", json::object()).find("optimiser"), std::string::npos);
  json ten = base();
  ten["space"]["head"]["classes"] = 10;
  EXPECT_EQ(error_of([&] { image_set(recipe_from(ten)); }),
            "space: its head has 10 classes, the images 16 (say \"classes\": 16 in the head of "
            "the space)");
}

TEST(SupernetRecipe, LengthSavingAndJudgingMayDiffer) {
  const SupernetRecipe recipe = recipe_from(base());
  SupernetRecipe other = recipe;
  other.steps = 20;
  other.save.every = 7;
  other.judge.images = 3;
  EXPECT_EQ(difference(recipe, other), std::nullopt);
  other.sampler.kind = SamplerKind::uniform;
  EXPECT_EQ(difference(recipe, other), R"(sampler.kind: "walk", "uniform")");
}

TEST(SupernetRecipe, MakesTheSamplerThatItNames) {
  SupernetRecipe recipe = recipe_from(base());
  const auto walk = step_sampler(recipe, 6);
  EXPECT_EQ(walk->next().size(), 4U);
  EXPECT_EQ(dynamic_cast<const LevelSampler&>(*walk).banks()[1].capacity(), 5U);
  recipe.sampler.kind = SamplerKind::sandwich;
  EXPECT_EQ(step_sampler(recipe, 6)->next().front().architecture, largest(recipe.space));
}

TEST(SupernetRecipe, ThePapersIsWhatThePublishedCodeSays) {
  const SupernetRecipe recipe = load_supernet_recipe("../recipes/elasticvit-imagenet.json");
  EXPECT_EQ(recipe.space, elasticvit::published_space());
  const LevelOptions published = published_sampling(100);
  ASSERT_EQ(levels_of(recipe.sampler).size(), published.levels.size());
  for (std::size_t i = 0; i < published.levels.size(); ++i) {
    EXPECT_EQ(levels_of(recipe.sampler)[i].low, published.levels[i].low);
    EXPECT_EQ(levels_of(recipe.sampler)[i].high, published.levels[i].high);
    EXPECT_EQ(recipe.sampler.banks[i], static_cast<double>(published.banks->capacities[i]));
  }
  EXPECT_EQ(smallest_of(recipe).size(), published.smallest.size());
  EXPECT_EQ(recipe.epochs, 600);
  // 5e-4 for 512 images
  EXPECT_DOUBLE_EQ(recipe.optimizer.rate, 5e-4 * static_cast<double>(recipe.batch) / 512);
  EXPECT_EQ(load_supernet_recipe("../recipes/elasticvit-shapes.json").space.head.classes, 16);
}

TEST(SupernetFile, IsReadBackAndRefusedWithoutATensor) {
  const SupernetRecipe recipe = recipe_from(base());
  const WeightStore weights = elasticvit::initial_supernet(recipe.space, 1);
  const std::string folder = testing::TempDir() + "supernet_file";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  EXPECT_NE(error_of([&] { load_supernet(folder); }).find("holds no supernet.safetensors"),
            std::string::npos);
  write_supernet(folder + "/supernet.safetensors", recipe, weights);
  const Supernet read = load_supernet(folder);
  EXPECT_EQ(to_json(read.recipe), to_json(recipe));
  EXPECT_EQ(read.weights->size(), weights.size());
  SupernetRecipe wider = recipe;
  wider.space.head.hidden = 80;
  write_supernet(folder + "/other.safetensors", wider, weights);
  const std::string refused = error_of([&] { load_supernet(folder + "/other.safetensors"); });
  EXPECT_NE(refused.find("where its space has"), std::string::npos) << refused;
}

}  // namespace
}  // namespace pliant::search
