#include "search/evolution/evolution.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "search/evolution/target.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Space;

namespace {

void check(const EvolutionOptions& options) {
  if (options.begin < 1 || options.generations < 0 || options.parents < 1 ||
      options.mutations < 0 || options.crossings < 0 || options.screen < 1 ||
      options.screen_from < 2)
    throw Error(ErrorKind::invalid, "evolution",
                "needs a subnet to begin with, a parent, and two subnets to learn from");
}

class Evolution {
 public:
  Evolution(const Space& space, const std::vector<Constraint>& constraints,
            const EvolutionOptions& options,
            const std::function<std::optional<double>(const Architecture&)>& value)
      : space_(space),
        constraints_(constraints),
        options_(options),
        value_(value),
        sampler_(constraints),
        rng_(options.seed) {}

  std::vector<Evaluated> run() {
    for (std::int64_t i = 0; i < options_.begin; ++i)
      if (!evaluate(fresh([&] { return sampler_.draw(rng_); }))) return std::move(all_);
    for (std::int64_t i = 0; i < options_.generations; ++i)
      if (!generation()) return std::move(all_);
    return std::move(all_);
  }

 private:
  bool known(const Architecture& subnet) const {
    return std::ranges::any_of(all_, [&](const Evaluated& e) { return e.architecture == subnet; });
  }
  // A subnet that was not evaluated yet, if one is found soon; of a space that is all known, any.
  template <typename Make>
  Architecture fresh(Make&& make) {
    Architecture child = make();
    for (int i = 0; i < 50 && known(child); ++i) child = make();
    return child;
  }
  // Within the space and the constraints; a draw where changes lead nowhere.
  template <typename Change>
  Architecture child(Change&& change) {
    for (int i = 0; i < 1000; ++i) {
      Architecture made = change();
      if (is_legal(made) && excess(constraints_, made) == 0 && !known(made)) return made;
    }
    return sampler_.draw(rng_);
  }
  // The most promising of some.
  template <typename Change>
  Architecture chosen(Change&& change) {
    Architecture best = child(change);
    if (!predictor_) return best;
    double most = predictor_->predict(best);
    for (std::int64_t i = 1; i < options_.screen; ++i) {
      Architecture other = child(change);
      const double value = predictor_->predict(other);
      if (value <= most) continue;
      most = value;
      best = std::move(other);
    }
    return best;
  }
  bool evaluate(const Architecture& subnet) {
    if (known(subnet)) return true;
    const std::optional<double> value = value_(subnet);
    if (value) all_.push_back({subnet, *value});
    return value.has_value();
  }
  bool generation() {
    if (options_.screen > 1 && std::ssize(all_) >= options_.screen_from)
      predictor_.emplace(space_, all_);
    std::vector<Evaluated> parents = all_;
    std::ranges::stable_sort(parents, std::greater{}, &Evaluated::value);
    if (std::ssize(parents) > options_.parents)
      parents.resize(static_cast<std::size_t>(options_.parents));
    const auto any = [&]() -> const Architecture& {
      return parents[static_cast<std::size_t>(rng_.below(std::ssize(parents)))].architecture;
    };
    for (std::int64_t i = 0; i < options_.mutations; ++i)
      if (!evaluate(chosen([&] { return mutated(space_, any(), options_.mutation, rng_); })))
        return false;
    for (std::int64_t i = 0; i < options_.crossings; ++i)
      if (!evaluate(chosen([&] {
            const Architecture& one = any();
            return crossed(one, any(), rng_);
          })))
        return false;
    return true;
  }

  const Space& space_;
  const std::vector<Constraint>& constraints_;
  const EvolutionOptions options_;
  const std::function<std::optional<double>(const Architecture&)>& value_;
  Sampler sampler_;
  Rng rng_;
  std::vector<Evaluated> all_;
  std::optional<AccuracyPredictor> predictor_;
};

}  // namespace

std::vector<Evaluated> evolve(
    const Space& space, const std::vector<Constraint>& constraints, const EvolutionOptions& options,
    const std::function<std::optional<double>(const Architecture&)>& value) {
  check(options);
  return Evolution(space, constraints, options, value).run();
}

std::vector<std::size_t> pareto_front(const std::vector<Evaluated>& evaluated,
                                      const Predictor& cost) {
  std::vector<double> costs;
  for (const Evaluated& each : evaluated) costs.push_back(cost.predict(each.architecture));
  std::vector<std::size_t> order(evaluated.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return costs[a] != costs[b] ? costs[a] < costs[b] : evaluated[a].value > evaluated[b].value;
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order)
    if (front.empty() || evaluated[i].value > evaluated[front.back()].value) front.push_back(i);
  return front;
}

}  // namespace pliant::search
