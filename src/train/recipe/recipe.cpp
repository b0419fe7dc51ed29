#include "train/recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/language/openelm.h"

namespace pliant::train {
namespace {

std::vector<double> line(const std::vector<double>& given, std::int64_t layers, const char* field) {
  if (given.size() == 2 && layers != 2) return openelm::multipliers(given[0], given[1], layers);
  if (std::ssize(given) == layers) return given;
  throw Error(ErrorKind::invalid, fmt::format("model.{}", field),
              fmt::format("{} numbers for {} layers", given.size(), layers),
              "give the two ends of a line, or one number per layer");
}

}  // namespace

LanguageConfig config_of(const ModelRecipe& model, std::int64_t vocabulary, std::int64_t context) {
  if (model.layers < 1 || model.layers > max_layers)
    throw Error(ErrorKind::invalid, "model.layers",
                fmt::format("{}, not from 1 to {}", model.layers, max_layers));
  const std::int64_t rows = model.vocabulary == 0 ? vocabulary : model.vocabulary;
  if (rows < vocabulary)
    throw Error(ErrorKind::invalid, "model.vocabulary",
                fmt::format("{} rows for the {} tokens of the tokenizer", rows, vocabulary));
  LanguageConfig config = openelm::config(openelm::Size::m270);
  const std::int64_t multiple = model.vocabulary_multiple;
  config.vocabulary = (rows + multiple - 1) / multiple * multiple;
  config.width = model.width;
  config.head_width = model.head_width;
  config.context = context;
  config.layers = openelm::layers({model.width, model.head_width, model.groups, model.ffn_divisor},
                                  line(model.attention, model.layers, "attention"),
                                  line(model.ffn, model.layers, "ffn"));
  config.qk_norm = model.qk_norm;
  config.tied = model.tied;
  check(config, "model");
  return config;
}

}  // namespace pliant::train
