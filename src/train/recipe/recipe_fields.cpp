// The fields of a language model's recipe.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "core/files.h"
#include "core/json.h"
#include "train/recipe/fields.h"
#include "train/recipe/recipe.h"

namespace pliant::train {
namespace {

using nlohmann::ordered_json;

constexpr std::array optimizer_words{"adamw", "muon"};

void model(Fields& f, ModelRecipe& m) {
  f.begin("model");
  f.path("from", m.from);
  f.whole("layers", m.layers, 1, max_layers);
  f.whole("width", m.width, 1, 1 << 20);
  f.whole("head_width", m.head_width, 2, 1 << 14);
  f.whole("groups", m.groups, 1, 1 << 14);
  f.whole("ffn_divisor", m.ffn_divisor, 1, 1 << 20);
  f.reals("attention", m.attention);
  f.reals("ffn", m.ffn);
  f.whole("vocabulary", m.vocabulary, 0, 1 << 24);
  f.whole("vocabulary_multiple", m.vocabulary_multiple, 1, 1 << 16);
  f.truth("qk_norm", m.qk_norm);
  f.truth("tied", m.tied);
  f.end();
}

std::vector<std::string> paths(const JsonNode& node, std::string_view folder) {
  std::vector<std::string> result;
  for (const JsonNode& each : node.items()) result.push_back(below(folder, each.text()));
  return result;
}

SourceRecipe source_of(const JsonNode& node, std::string_view folder) {
  constexpr std::array<std::string_view, 4> keys{"name", "shards", "corpus", "weight"};
  node.only(keys);
  SourceRecipe result;
  result.name = node.text("name", "");
  if (const auto shards = node.find("shards")) result.shards = paths(*shards, folder);
  if (const auto corpus = node.find("corpus")) result.corpus = paths(*corpus, folder);
  if (result.shards.empty() == result.corpus.empty())
    node.fail("needs shards or corpus, one of the two");
  result.weight = node.number("weight", 1.0);
  if (!(result.weight > 0 && result.weight <= 1e12))
    node.fail("weight", fmt::format("is {}, not a number above 0", result.weight));
  return result;
}

void read_sources(const JsonNode& node, std::string_view folder, DataRecipe& data) {
  data.sources.clear();
  for (const JsonNode& each : node.items())
    data.sources.push_back(source_of(each.object(), folder));
}

std::string to_json(const std::vector<SourceRecipe>& sources) {
  ordered_json list = ordered_json::array();
  for (const SourceRecipe& each : sources) {
    ordered_json source{{"name", each.name}};
    if (!each.shards.empty()) source["shards"] = each.shards;
    if (!each.corpus.empty()) source["corpus"] = each.corpus;
    source["weight"] = each.weight;
    list.push_back(std::move(source));
  }
  return list.dump();
}

void data(Fields& f, DataRecipe& d) {
  f.begin("data");
  f.path("tokenizer", d.tokenizer);
  f.own(
      "sources",
      [&](const JsonNode& node, std::string_view folder) { read_sources(node, folder, d); },
      [&] { return to_json(d.sources); });
  f.whole("length", d.length, 2, 1 << 20);
  f.truth("cut_and_drop", d.cut_and_drop);
  f.real("held_out", d.held_out, 0, 0.5);
  f.end();
}

void optimizer(Fields& f, OptimizerRecipe& o) {
  f.begin("optimizer");
  word(f, "kind", o.kind, optimizer_words);
  f.real("rate", o.rate, 1e-12, 10);
  f.real("beta1", o.beta1, 0, 0.9999999);
  f.real("beta2", o.beta2, 0, 0.9999999);
  f.real("epsilon", o.epsilon, 1e-30, 1);
  f.real("decay", o.decay, 0, 10);
  f.truth("cautious", o.cautious);
  f.real("clip", o.clip, 0, 1e9);
  f.real("z_loss", o.z_loss, 0, 1);
  f.real("matrix_rate", o.matrix_rate, 0, 10);
  f.real("momentum", o.momentum, 0, 0.9999999);
  f.whole("iterations", o.iterations, 1, 20);
  f.real("average", o.average, 0, 0.9999999);
  f.end();
}

void distill(Fields& f, DistillRecipe& d) {
  f.begin("distill");
  f.path("teacher", d.teacher);
  f.real("weight", d.weight, 0, 1);
  f.real("temperature", d.temperature, 0.01, 1000);
  f.end();
}

void run(Fields& f, Recipe& r) {
  f.begin("length");
  f.whole("steps", r.length.steps, 0, most_steps);
  f.whole("tokens", r.length.tokens, 0, std::int64_t{1} << 50);
  f.real("seconds", r.length.seconds, 0, 1e9);
  f.end();
  f.begin("save");
  f.whole("every", r.save.every, 1, most_steps);
  f.whole("keep", r.save.keep, 1, 10000);
  f.whole("milestone", r.save.milestone, 0, most_steps);
  f.whole("average", r.save.average, 1, 10000);
  f.end();
  f.begin("validate");
  f.whole("every", r.validate.every, 0, most_steps);
  f.whole("sequences", r.validate.sequences, 1, 1 << 20);
  f.end();
  f.begin("sample");
  f.whole("every", r.sample.every, 0, most_steps);
  f.text("prompt", r.sample.prompt);
  f.whole("tokens", r.sample.tokens, 1, 1 << 16);
  f.real("temperature", r.sample.temperature, 0, 100);
  f.end();
  f.begin("log");
  f.truth("corenet_z_loss", r.log.corenet_z_loss);
  f.end();
}

void all(Fields& f, Recipe& r) {
  seed(f, "seed", r.seed);
  model(f, r.model);
  data(f, r.data);
  f.begin("batch");
  f.whole("sequences", r.batch.sequences, 1, 1 << 20);
  f.whole("at_once", r.batch.at_once, 0, 1 << 20);
  f.end();
  optimizer(f, r.optimizer);
  distill(f, r.distill);
  schedule_fields(f, r.schedule);
  machine_fields(f, r.machine);
  f.free_from_here();
  run(f, r);
}

void check_whole(const Recipe& recipe, const JsonNode& root) {
  const LengthRecipe& length = recipe.length;
  const int given = (length.steps > 0) + (length.tokens > 0) + (length.seconds > 0);
  if (given != 1)
    root.fail("length", fmt::format("says {} of steps, tokens and seconds, not one", given),
              "give one of them");
  if (length.seconds > 0 && recipe.schedule.kind != ScheduleKind::wsd)
    root.fail("schedule.kind", "a cosine must know its end in steps",
              "use \"wsd\", or a length in steps or tokens");
  if (recipe.data.sources.empty())
    root.fail("data.sources", "is empty", "name shards, or a corpus to pack");
  if (recipe.batch.sequences % recipe.at_once() != 0)
    root.fail("batch.at_once",
              fmt::format("is {}, which does not divide the {} sequences of a step",
                          recipe.at_once(), recipe.batch.sequences));
}

// Writing reads the recipe alone.
FieldList list_of(const Recipe& recipe) {
  return [&recipe](Fields& fields) {
    Recipe copy = recipe;
    all(fields, copy);
  };
}

}  // namespace

Recipe recipe_from_json(std::string_view text, std::string_view place, std::string_view folder) {
  Recipe recipe;
  read_fields(
      text, place, folder, [&](Fields& fields) { all(fields, recipe); },
      [&](const JsonNode& root) { check_whole(recipe, root); });
  return recipe;
}

Recipe load_recipe(const std::string& path) {
  return recipe_from_json(read_file(path), path,
                          std::filesystem::path(path).parent_path().string());
}

std::string to_json(const Recipe& recipe) { return written_fields(list_of(recipe)); }

std::optional<std::string> difference(const Recipe& saved, const Recipe& given) {
  return difference(list_of(saved), list_of(given));
}

}  // namespace pliant::train
