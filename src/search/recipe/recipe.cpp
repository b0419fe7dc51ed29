#include "search/recipe/recipe.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "data/images/archive.h"
#include "data/images/shapes.h"
#include "search/samplers/by_level.h"
#include "search/samplers/uniform.h"

namespace pliant::search {
namespace {

std::unique_ptr<const data::ImageSet> images_of(const ImagesRecipe& recipe) {
  const data::Broken broken = recipe.leave_out ? data::Broken::leave_out : data::Broken::refuse;
  std::error_code error;
  if (std::filesystem::is_regular_file(recipe.folder, error))
    return std::make_unique<const data::ImageArchive>(recipe.folder, broken);
  if (!recipe.folder.empty())
    return std::make_unique<const data::ImageFolder>(recipe.folder, broken);
  return std::make_unique<const data::Shapes>(
      data::ShapesOptions{.count = recipe.shapes,
                          .side = static_cast<int>(recipe.side),
                          .seed = recipe.shapes_seed,
                          .noise = recipe.noise});
}

BankOptions banks_of(const SamplerRecipe& sampler, std::int64_t per_epoch) {
  BankOptions banks{
      .capacities = {},
      .exploit = sampler.exploit,
      .growth = sampler.growth,
      .growth_steps = std::llround(sampler.growth_epochs * static_cast<double>(per_epoch)),
      .candidates = static_cast<int>(sampler.candidates)};
  for (const double each : sampler.banks)
    banks.capacities.push_back(static_cast<std::size_t>(each));
  return banks;
}

}  // namespace

std::unique_ptr<const data::ImageSet> image_set(const SupernetRecipe& recipe) {
  auto images = images_of(recipe.images);
  if (std::ssize(images->classes()) != recipe.space.head.classes)
    throw Error(
        ErrorKind::invalid, "space",
        fmt::format("its head has {} classes, the images {}", recipe.space.head.classes,
                    images->classes().size()),
        fmt::format("say \"classes\": {} in the head of the space", images->classes().size()));
  return images;
}

data::ImageBatchOptions batch_options(const SupernetRecipe& recipe) {
  const AugmentRecipe& augment = recipe.augment;
  data::ImageBatchOptions options{.batch = recipe.batch,
                                  .seed = recipe.seed,
                                  .augment = {.side = static_cast<int>(recipe.images.side),
                                              .least_area = augment.least_area,
                                              .mirror = augment.mirror,
                                              .operations = static_cast<int>(augment.operations),
                                              .strength = augment.strength},
                                  .normalization = {},
                                  .smoothing = augment.smoothing,
                                  .mix = {.mixup = augment.mixup, .cutmix = augment.cutmix},
                                  .erase = augment.erase};
  std::ranges::copy(recipe.images.mean, options.normalization.mean);
  std::ranges::copy(recipe.images.deviation, options.normalization.std);
  return options;
}

std::vector<Level> levels_of(const SamplerRecipe& sampler) {
  std::vector<Level> levels;
  for (const double each : sampler.levels) levels.push_back({each, each + sampler.window});
  return levels;
}

std::vector<Smallest> smallest_of(const SupernetRecipe& recipe) {
  if (!recipe.sampler.smallest.empty()) return recipe.sampler.smallest;
  if (recipe.space == elasticvit::published_space()) return published_smallest();
  return {{INFINITY, smallest(recipe.space)}};
}

std::unique_ptr<StepSampler> step_sampler(const SupernetRecipe& recipe, std::int64_t per_epoch) {
  const SamplerRecipe& sampler = recipe.sampler;
  const int random = static_cast<int>(sampler.random);
  if (sampler.kind == SamplerKind::uniform || sampler.kind == SamplerKind::sandwich)
    return std::make_unique<UniformSampler>(
        recipe.space, UniformOptions{.random = random,
                                     .largest = sampler.kind == SamplerKind::sandwich,
                                     .seed = recipe.seed});
  LevelOptions options{
      .levels = levels_of(sampler),
      .smallest = smallest_of(recipe),
      .order = sampler.kind == SamplerKind::walk ? LevelOrder::walk : LevelOrder::independent,
      .random = random,
      .seed = recipe.seed};
  if (!sampler.banks.empty()) options.banks = banks_of(sampler, per_epoch);
  return std::make_unique<LevelSampler>(recipe.space, options);
}

}  // namespace pliant::search
