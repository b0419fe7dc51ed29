#include "muon.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "shapes.h"
#include "train/loop.h"

namespace pliant::bench {
namespace {

using nlohmann::ordered_json;

constexpr double rates[] = {0.003, 0.006, 0.012};
constexpr int seeds = 3;

struct Arm {
  train::OptimizerKind kind;
  double share;  // of the tokens
  std::string name() const {
    return fmt::format("{}-{}", kind == train::OptimizerKind::muon ? "muon" : "adamw", share);
  }
};
const Arm adamw{train::OptimizerKind::adamw, 1};
const Arm muons[] = {{train::OptimizerKind::muon, 0.75}, {train::OptimizerKind::muon, 0.65}};

struct Row {
  double nll = 0, step_seconds = 0;  // of all held-out text; CPU seconds
};

class Rows {
 public:
  explicit Rows(const Experiment& experiment) : given_(experiment) {
    std::filesystem::create_directories(given_.folder);
    std::ifstream file(path());
    for (std::string line; std::getline(file, line);) rows_.push_back(ordered_json::parse(line));
  }

  Row at(const Arm& arm, double rate, int seed) {
    const std::string name = fmt::format("{}-{}-{}", arm.name(), rate, seed);
    for (const ordered_json& each : rows_)
      if (each.at("run") == name && each.at("tokens") == tokens(arm))
        return {each.at("nll"), each.at("step_seconds")};
    return add(name, arm, rate, seed);
  }

 private:
  std::string path() const { return given_.folder + "/rows.jsonl"; }
  std::int64_t tokens(const Arm& arm) const {
    return std::llround(static_cast<double>(given_.tokens) * arm.share);
  }

  train::Recipe recipe(const Arm& arm, double rate, int seed) const {
    train::Recipe recipe;
    recipe.model.layers = 8;
    recipe.model.width = s0.width;
    recipe.model.head_width = s0.head_width;
    recipe.model.groups = s0.groups;
    recipe.model.ffn_divisor = s0.ffn_divisor;
    recipe.data.sources = {{"text", {given_.data}, {}, 1}};
    recipe.data.length = sequence;
    recipe.data.held_out = 0.01;
    recipe.batch.sequences = batch;
    recipe.length.tokens = tokens(arm);
    recipe.optimizer.kind = arm.kind;
    recipe.optimizer.rate = rate;
    recipe.save = {.every = 100, .keep = 1, .milestone = 0, .average = 1};
    recipe.validate.every = 0;
    recipe.seed = static_cast<std::uint64_t>(seed);
    return recipe;
  }

  Row add(const std::string& name, const Arm& arm, double rate, int seed) {
    const std::string folder = given_.folder + "/" + name;
    train::RunOptions options;
    options.folder = folder;
    options.threads = 1;
    std::vector<double> seconds;
    options.told = [&, before = std::optional<double>()](const train::StepRecord& record,
                                                         std::optional<double>) mutable {
      const double now = cpu_seconds();
      if (before) seconds.push_back(now - *before);
      before = now;
      if (record.step % 100 == 0)
        fmt::print(stderr, "{}: step {}, {:.4f}\n", name, record.step, record.nll);
    };
    const train::Outcome outcome = train::run(recipe(arm, rate, seed), options);
    std::ranges::sort(seconds);
    const Row row{outcome.validation.value().nll,
                  seconds.empty() ? 0 : seconds[seconds.size() / 2]};
    rows_.push_back({{"run", name},
                     {"tokens", tokens(arm)},
                     {"nll", row.nll},
                     {"bits_per_byte", outcome.validation->bits_per_byte},
                     {"step_seconds", row.step_seconds}});
    std::ofstream(path(), std::ios::app) << rows_.back().dump() << std::endl;
    std::filesystem::remove_all(folder);
    return row;
  }

  const Experiment given_;
  std::vector<ordered_json> rows_;
};

double best_rate(Rows& rows, const Arm& arm) {
  double best = 0, least = 1e300;
  for (const double rate : rates)
    if (const double nll = rows.at(arm, rate, 1).nll; nll < least) least = nll, best = rate;
  const bool edge = best == rates[0] || best == std::end(rates)[-1];
  fmt::print("{}: best rate {}{}\n", arm.name(), best, edge ? ", at the end of the sweep" : "");
  return best;
}

}  // namespace

void compare_optimizers(const Experiment& experiment) {
  Rows rows(experiment);
  const double plain = best_rate(rows, adamw), orthogonal = best_rate(rows, muons[0]);
  for (int seed = 1; seed <= seeds; ++seed) {
    const Row wanted = rows.at(adamw, plain, seed);
    std::string line = fmt::format("seed {}: AdamW {:.4f}", seed, wanted.nll);
    for (const Arm& arm : muons) {
      const Row got = rows.at(arm, orthogonal, seed);
      line += fmt::format("; Muon on {} of the tokens {:.4f} ({}), step {:.2f} of AdamW's time",
                          arm.share, got.nll, got.nll <= wanted.nll ? "reached" : "not reached",
                          got.step_seconds / wanted.step_seconds);
    }
    fmt::print("{}\n", line);
  }
}

}  // namespace pliant::bench
