#include "search/samplers/by_level.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/json.h"
#include "models/elasticvit/counts.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Space;

namespace {

[[noreturn]] void refuse(const std::string& field, std::string problem) {
  throw Error(ErrorKind::invalid, "sampler: " + field, std::move(problem));
}

void check(const LevelOptions& options) {
  if (options.random < 0) refuse("random", fmt::format("is {}", options.random));
  if (!options.banks) return;
  const BankOptions& banks = *options.banks;
  if (banks.capacities.size() != options.levels.size())
    refuse("capacities",
           fmt::format("are {} for {} levels", banks.capacities.size(), options.levels.size()));
  if (!(banks.exploit >= 0 && banks.exploit <= 1))
    refuse("exploit", fmt::format("{} is no probability", banks.exploit));
  if (!(banks.growth >= 0)) refuse("growth", fmt::format("is {}", banks.growth));
  if (banks.growth_steps < 0) refuse("growth_steps", fmt::format("is {}", banks.growth_steps));
  if (banks.candidates < 1) refuse("candidates", fmt::format("is {}", banks.candidates));
}

// Of a level's subnets one costs what the level says.
void check_cost(const Space& space, const Level& level, const JsonNode& arch,
                const Architecture& architecture) {
  const auto cost = static_cast<double>(flops(space, architecture));
  if (cost < level.low || cost > level.high)
    arch.fail(fmt::format("costs {:.0f} FLOPs, which is not {:.0f} to {:.0f}", cost, level.low,
                          level.high));
}

}  // namespace

LevelOptions published_sampling(std::int64_t growth_steps) {
  LevelOptions options{.levels = published_levels(), .smallest = published_smallest()};
  options.banks.emplace();
  options.banks->growth_steps = growth_steps;
  for (const Level& level : options.levels)
    options.banks->capacities.push_back(level.low < 500e6 ? 150 : 50);
  return options;
}

LevelSampler::LevelSampler(const Space& space, const LevelOptions& options)
    : space_(space),
      options_((check(options), options)),
      draws_(space, options.levels, options.smallest, options.bins) {
  if (options_.banks)
    for (const std::size_t capacity : options_.banks->capacities) banks_.emplace_back(capacity);
}

double LevelSampler::exploit() const {
  if (!options_.banks) return 0;
  const BankOptions& banks = *options_.banks;
  const auto grown = banks.growth_steps > 0 ? step_ / banks.growth_steps : 0;
  return std::min(1.0, banks.exploit + banks.growth * static_cast<double>(grown));
}

Architecture LevelSampler::explore(Rng& rng) const {
  const Bank& bank = banks_[level_];
  const bool choose = 2 * bank.entries().size() >= bank.capacity();
  Architecture best = draws_.draw(level_, rng);
  if (!choose || options_.banks->candidates == 1) return best;
  const Bank& lowest = banks_.front();
  const Architecture anchor =
      level_ == 0 || lowest.entries().empty() ? smallest(space_) : lowest.best().architecture;
  double least = depth_over_width(space_, best, anchor);
  for (int i = 1; i < options_.banks->candidates; ++i) {
    Architecture other = draws_.draw(level_, rng);
    const double score = depth_over_width(space_, other, anchor);
    if (score >= least) continue;
    least = score;
    best = std::move(other);
  }
  return best;
}

Drawn LevelSampler::random(Rng& rng) const {
  if (banks_.empty()) return {draws_.draw(level_, rng)};
  const Bank& bank = banks_[level_];
  if (2 * bank.entries().size() > bank.capacity() && rng.uniform() < exploit())
    return {bank.draw(rng)};
  return {explore(rng), Part::random, true};
}

std::vector<Drawn> LevelSampler::next() {
  Rng rng(options_.seed, static_cast<std::uint64_t>(step_));
  const std::size_t count = draws_.levels().size();
  const bool anywhere = options_.order == LevelOrder::independent || step_ == 0;
  level_ = anywhere ? static_cast<std::size_t>(rng.below(std::int64_t(count)))
                    : neighbour(level_, count, rng);
  std::vector<Drawn> step;
  to_score_.clear();
  for (int i = 0; i < options_.random; ++i) {
    step.push_back(random(rng));
    if (step.back().to_score) to_score_.push_back(step.back().architecture);
  }
  step.push_back({draws_.smallest(level_), Part::smallest});
  ++step_;
  return step;
}

void LevelSampler::told(std::span<const double> scores) {
  if (scores.size() != to_score_.size())
    throw Error(ErrorKind::invalid, "sampler",
                fmt::format("{} scores for {} subnets", scores.size(), to_score_.size()));
  for (std::size_t i = 0; i < scores.size(); ++i) banks_[level_].offer(to_score_[i], scores[i]);
  to_score_.clear();
}

std::vector<Architecture> LevelSampler::remembered() const {
  std::vector<Architecture> result;
  for (const Bank& bank : banks_)
    for (const Scored& each : bank.entries()) result.push_back(each.architecture);
  return result;
}

void LevelSampler::rescored(std::span<const double> scores) {
  std::size_t wanted = 0;
  for (const Bank& bank : banks_) wanted += bank.entries().size();
  if (scores.size() != wanted)
    throw Error(ErrorKind::invalid, "sampler",
                fmt::format("{} scores for the {} subnets of its banks", scores.size(), wanted));
  for (Bank& bank : banks_) {
    const std::size_t own = bank.entries().size();
    bank.rescore(scores.first(own));
    scores = scores.subspan(own);
  }
}

std::string LevelSampler::state() const {
  nlohmann::ordered_json json{{"step", step_}, {"level", level_}};
  for (nlohmann::ordered_json& banks = json["banks"] = nlohmann::ordered_json::array();
       const Bank& bank : banks_) {
    nlohmann::ordered_json& entries = banks.emplace_back(nlohmann::ordered_json::array());
    for (const Scored& each : bank.entries())
      entries.push_back(
          {{"arch", nlohmann::ordered_json::parse(to_json(space_, each.architecture))},
           {"score", each.score}});
  }
  return json.dump();
}

void LevelSampler::restore(std::string_view json, std::string_view place) {
  const nlohmann::json document = parse_json(json, place);
  const JsonNode node(document, place);
  node.only(std::array<std::string_view, 3>{"step", "level", "banks"});
  const std::int64_t step = node.at("step").integer(0);
  const std::int64_t level = node.at("level").integer(0, std::ssize(draws_.levels()) - 1);
  const std::vector<JsonNode> lists = node.at("banks").items();
  if (lists.size() != banks_.size())
    node.fail("banks", fmt::format("are {}, but here {}", lists.size(), banks_.size()));
  std::vector<Bank> banks;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    Bank& bank = banks.emplace_back(banks_[i].capacity());
    for (const JsonNode& entry : lists[i].items()) {
      const JsonNode arch = entry.at("arch");
      const Architecture architecture =
          architecture_from_json(space_, arch.json().dump(), arch.place());
      check_cost(space_, draws_.levels()[i], arch, architecture);
      bank.offer(architecture, entry.at("score").number());
    }
  }
  step_ = step;
  level_ = static_cast<std::size_t>(level);
  banks_ = std::move(banks);
  to_score_.clear();
}

}  // namespace pliant::search
