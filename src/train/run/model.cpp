#include "train/run/model.h"

#include <string>

#include "models/language/weights.h"
#include "open/language_model.h"
#include "train/recipe/recipe.h"

namespace pliant::train {
namespace {

LanguageConfig config_of(const WeightStore& weights, const Recipe& recipe) {
  if (!recipe.model.from.empty()) return load_language_model(recipe.model.from).config;
  ModelRecipe model = recipe.model;
  // what the tokenizer and the recipe made of it
  model.vocabulary = weights.at(weight_name(Part::embedding)).type.shape[0];
  model.vocabulary_multiple = 1;
  return config_of(model, model.vocabulary, recipe.data.length);
}

}  // namespace

LanguageModel model_of(const Checkpoint& checkpoint, std::string_view place) {
  constexpr std::string_view parameter = "parameter.";
  auto weights = std::make_shared<WeightStore>();
  checkpoint.tensors.for_each([&](const std::string& name, const Stored& stored) {
    if (name.starts_with(parameter))
      weights->add(name.substr(parameter.size()), stored, checkpoint.tensors.owner(name));
  });
  const Recipe recipe = recipe_from_json(checkpoint.state.recipe, place, "");
  return {config_of(*weights, recipe), weights};
}

}  // namespace pliant::train
