// The fields of a supernet's recipe.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "models/elasticvit/architecture.h"
#include "search/recipe/recipe.h"
#include "train/recipe/fields.h"

namespace pliant::search {

using elasticvit::Space;
using nlohmann::ordered_json;
using train::Fields;

namespace {

constexpr std::array sampler_words{"walk", "independent", "uniform", "sandwich"};
constexpr std::array divergence_words{"cross-entropy", "alpha-divergence"};
constexpr std::array broken_words{"refuse", "leave out"};

// "published", a file's name, or the space itself.
Space space_of(const JsonNode& node, std::string_view folder) {
  if (!node.json().is_string())
    return elasticvit::space_from_json(node.json().dump(), node.place());
  if (node.text() == "published") return elasticvit::published_space();
  const std::string path = train::below(folder, node.text());
  return elasticvit::space_from_json(read_file(path), path);
}

std::string written(const Space& space) {
  return space == elasticvit::published_space() ? "\"published\"" : to_json(space);
}

// [{"upto": FLOPs, "arch": {...}}, ...]; the last one has no upto.
std::vector<Smallest> smallest_from(const JsonNode& node, const Space& space) {
  std::vector<Smallest> result;
  double before = 0;
  for (const JsonNode& each : node.items()) {
    each.object().only(std::array<std::string_view, 2>{"upto", "arch"});
    const JsonNode arch = each.at("arch");
    result.push_back({each.number("upto", INFINITY),
                      architecture_from_json(space, arch.json().dump(), arch.place())});
    if (!(result.back().upto > before)) each.fail("upto", "does not rise from one to the next");
    before = result.back().upto;
  }
  return result;
}

std::string written(const std::vector<Smallest>& smallest, const Space& space) {
  ordered_json list = ordered_json::array();
  for (const Smallest& each : smallest) {
    ordered_json entry{{"arch", ordered_json::parse(to_json(space, each.architecture))}};
    if (std::isfinite(each.upto)) entry["upto"] = each.upto;
    list.push_back(std::move(entry));
  }
  return list.dump();
}

void images(Fields& f, ImagesRecipe& r) {
  f.begin("images");
  f.path("folder", r.folder);
  train::word(f, "broken", r.leave_out, broken_words);
  f.whole("shapes", r.shapes, 0, 1 << 30);
  train::seed(f, "shapes_seed", r.shapes_seed);
  f.real("noise", r.noise, 0, 1);
  f.whole("side", r.side, 16, 1024);
  f.real("held_out", r.held_out, 0, 0.9);
  f.reals("mean", r.mean);
  f.reals("std", r.deviation);
  f.end();
}

void sampler(Fields& f, SamplerRecipe& r, const Space& space) {
  f.begin("sampler");
  train::word(f, "kind", r.kind, sampler_words);
  f.whole("random", r.random, 1, 64);
  f.reals("levels", r.levels);
  f.real("window", r.window, 0, 1e15);
  f.own(
      "smallest",
      [&](const JsonNode& node, std::string_view) { r.smallest = smallest_from(node, space); },
      [&] { return written(r.smallest, space); });
  f.reals("banks", r.banks);
  f.real("exploit", r.exploit, 0, 1);
  f.real("growth", r.growth, 0, 1);
  f.real("growth_epochs", r.growth_epochs, 0, 1e9);
  f.whole("candidates", r.candidates, 1, 1000);
  f.real("rescore_epochs", r.rescore_epochs, 0, 1e9);
  f.end();
}

void teaching(Fields& f, TeachingRecipe& r) {
  f.begin("teaching");
  f.real("temperature", r.temperature, 1e-3, 1e3);
  train::word(f, "smallest", r.alpha_divergence, divergence_words);
  f.real("momentum", r.momentum, 0, 1);
  f.end();
}

void augment(Fields& f, AugmentRecipe& r) {
  f.begin("augment");
  f.real("least_area", r.least_area, 0.01, 1);
  f.truth("mirror", r.mirror);
  f.whole("operations", r.operations, 0, 100);
  f.real("strength", r.strength, 0, 10);
  f.real("smoothing", r.smoothing, 0, 0.99);
  f.real("mixup", r.mixup, 0, 1);
  f.real("cutmix", r.cutmix, 0, 1);
  f.real("erase", r.erase, 0, 1);
  f.end();
}

void optimizer(Fields& f, SupernetOptimizer& r) {
  f.begin("optimizer");
  f.real("rate", r.rate, 1e-12, 10);
  f.real("beta1", r.beta1, 0, 0.9999999);
  f.real("beta2", r.beta2, 0, 0.9999999);
  f.real("epsilon", r.epsilon, 1e-30, 1);
  f.real("decay", r.decay, 0, 10);
  f.real("clip", r.clip, 0, 1e9);
  f.real("average", r.average, 0, 0.9999999);
  f.end();
}

void run(Fields& f, SupernetRecipe& r) {
  f.begin("length");
  f.whole("steps", r.steps, 0, train::most_steps);
  f.real("epochs", r.epochs, 0, 1e9);
  f.end();
  f.begin("save");
  f.whole("every", r.save.every, 1, train::most_steps);
  f.whole("keep", r.save.keep, 1, 10000);
  f.whole("milestone", r.save.milestone, 0, train::most_steps);
  f.end();
  f.begin("judge");
  f.whole("every", r.judge.every, 0, train::most_steps);
  f.whole("batches", r.judge.batches, 1, 1 << 20);
  f.whole("images", r.judge.images, 0, 1 << 30);
  f.end();
}

void all(Fields& f, SupernetRecipe& r) {
  train::seed(f, "seed", r.seed);
  f.own(
      "space",
      [&](const JsonNode& node, std::string_view folder) { r.space = space_of(node, folder); },
      [&] { return written(r.space); });
  images(f, r.images);
  f.begin("batch");
  f.whole("images", r.batch, 1, 1 << 20);
  f.end();
  sampler(f, r.sampler, r.space);
  teaching(f, r.teaching);
  augment(f, r.augment);
  optimizer(f, r.optimizer);
  train::schedule_fields(f, r.schedule);
  train::machine_fields(f, r.machine);
  f.free_from_here();
  run(f, r);
}

void check_levels(const SamplerRecipe& r, const JsonNode& root) {
  if (r.kind != SamplerKind::walk && r.kind != SamplerKind::independent) return;
  if (r.levels.empty()) root.fail("sampler.levels", "is empty", "name the FLOPs of one at least");
  if (!r.banks.empty() && r.banks.size() != r.levels.size())
    root.fail("sampler.banks", fmt::format("are {} for {} levels", r.banks.size(), r.levels.size()),
              "give one number per level, or none for training without banks");
  for (const double each : r.banks)
    if (!(each >= 1 && each <= 1e6 && each == std::floor(each)))
      root.fail("sampler.banks", fmt::format("{} is no number of subnets", each));
}

void check_whole(const SupernetRecipe& r, const JsonNode& root) {
  if ((r.steps > 0) == (r.epochs > 0))
    root.fail("length", "needs steps or epochs, one of the two", "{\"epochs\": 20}, say");
  if (r.images.folder.empty() == (r.images.shapes == 0))
    root.fail("images", "needs folder or shapes, one of the two",
              "name a folder of classes, or say how many shapes to draw");
  if (r.images.mean.size() != 3 || r.images.deviation.size() != 3)
    root.fail("images", "mean and std are three numbers each");
  for (const double each : r.images.deviation)
    if (!(each > 0)) root.fail("images.std", fmt::format("{} cannot divide", each));
  check_levels(r.sampler, root);
}

// Writing reads the recipe alone.
train::FieldList list_of(const SupernetRecipe& recipe) {
  return [&recipe](Fields& fields) {
    SupernetRecipe copy = recipe;
    all(fields, copy);
  };
}

}  // namespace

SupernetRecipe supernet_recipe_from_json(std::string_view text, std::string_view place,
                                         std::string_view folder) {
  SupernetRecipe recipe;
  train::read_fields(
      text, place, folder, [&](Fields& fields) { all(fields, recipe); },
      [&](const JsonNode& root) { check_whole(recipe, root); });
  return recipe;
}

SupernetRecipe load_supernet_recipe(const std::string& path) {
  return supernet_recipe_from_json(read_file(path), path,
                                   std::filesystem::path(path).parent_path().string());
}

std::string to_json(const SupernetRecipe& recipe) { return written_fields(list_of(recipe)); }

std::optional<std::string> difference(const SupernetRecipe& saved, const SupernetRecipe& given) {
  return train::difference(list_of(saved), list_of(given));
}

}  // namespace pliant::search
