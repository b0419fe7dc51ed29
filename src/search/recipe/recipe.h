// A supernet's recipe: everything that decides what its training computes, as one JSON file.
// docs/elasticvit.md describes every field.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/images/batches.h"
#include "models/elasticvit/space.h"
#include "search/samplers/levels.h"
#include "search/samplers/step_sampler.h"
#include "train/recipe/recipe.h"

namespace pliant::search {

struct ImagesRecipe {
  std::string folder;       // of classes; empty: drawn shapes
  bool leave_out = false;   // broken images of it, instead of refusing them
  std::int64_t shapes = 0;  // how many are drawn
  std::uint64_t shapes_seed = 1;
  double noise = 0.08;
  std::int64_t side = 224;  // of what the supernet is given, pixels
  double held_out = 0.1;    // share that is kept to judge by
  std::vector<double> mean = {0.485, 0.456, 0.406}, deviation = {0.229, 0.224, 0.225};
};

enum class SamplerKind : std::uint8_t { walk, independent, uniform, sandwich };
struct SamplerRecipe {
  SamplerKind kind = SamplerKind::walk;
  std::int64_t random = 3;  // subnets of a step besides the smallest
  // of walk and independent: FLOPs of the levels, each `window` wide
  std::vector<double> levels = {100e6, 200e6, 300e6, 400e6, 500e6, 700e6, 900e6, 1200e6};
  double window = 20e6;
  std::vector<Smallest> smallest;  // none: the paper's three, or the smallest of another space
  std::vector<double> banks = {150, 150, 150, 150, 50, 50, 50, 50};  // subnets in each; or empty
  double exploit = 0.2, growth = 0.15;                               // as in BankOptions
  double growth_epochs = 100;                                        // 0: none
  std::int64_t candidates = 5;
  double rescore_epochs = 1;  // how often all of the banks are scored anew; 0: never
};

struct TeachingRecipe {
  double temperature = 1;
  bool alpha_divergence = true;  // of the smallest; else cross-entropy
  double momentum = 0.1;         // of running statistics
};

struct AugmentRecipe {
  double least_area = 0.08, strength = 1;
  bool mirror = true;
  std::int64_t operations = 1;
  double smoothing = 0.1, mixup = 0.01, cutmix = 0.01, erase = 0.01;
};

struct SupernetOptimizer {
  double rate = 5e-4;  // the highest
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 0.05;       // of what is no convolutional part
  double clip = 0.1;         // of gradients, by the weights that they change; 0: none
  double average = 0.99985;  // decay of a running average of the weights; 0: none
};

struct JudgeRecipe {
  std::int64_t every = 0;     // steps; 0: at the end alone
  std::int64_t batches = 16;  // that statistics are estimated from
  std::int64_t images = 0;    // held-out ones; 0: all
};

struct SupernetRecipe {
  elasticvit::Space space = elasticvit::published_space();
  ImagesRecipe images;
  std::int64_t batch = 96;
  std::int64_t steps = 0;  // of the two one is given
  double epochs = 0;
  SamplerRecipe sampler;
  TeachingRecipe teaching;
  AugmentRecipe augment;
  SupernetOptimizer optimizer;
  train::ScheduleRecipe schedule;
  train::MachineRecipe machine;
  train::SaveRecipe save;  // `average` says nothing here
  JudgeRecipe judge;
  std::uint64_t seed = 1;
};

// Paths in it that are not absolute are below `folder`. Throws Error{format} or {invalid} naming
// the field, what is wrong and what is allowed.
SupernetRecipe supernet_recipe_from_json(std::string_view text, std::string_view place,
                                         std::string_view folder);
SupernetRecipe load_supernet_recipe(const std::string& path);
// Every field, the whole space included; supernet_recipe_from_json() reads it back as it is.
std::string to_json(const SupernetRecipe& recipe);
// As of train::Recipe: length, saving and judging may differ.
std::optional<std::string> difference(const SupernetRecipe& saved, const SupernetRecipe& given);

// What a recipe names. `per_epoch`: steps. All throw as what they make, and class counts of images
// and space that differ are Error{invalid}.
std::unique_ptr<const data::ImageSet> image_set(const SupernetRecipe& recipe);
data::ImageBatchOptions batch_options(const SupernetRecipe& recipe);
std::vector<Level> levels_of(const SamplerRecipe& sampler);
std::vector<Smallest> smallest_of(const SupernetRecipe& recipe);
// The space of the recipe must outlive it.
std::unique_ptr<StepSampler> step_sampler(const SupernetRecipe& recipe, std::int64_t per_epoch);

}  // namespace pliant::search
