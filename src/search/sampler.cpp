#include "search/sampler.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::search {
Sampler::Sampler(const std::vector<Constraint>& constraints) : constraints_(constraints) {
  for (const Constraint& each : constraints) {
    auto windows = std::make_unique<const Windows>(*each.predictor);
    const Window window = windows->within(each.low, each.high);
    if (windows_ && window.at_most() >= window_.at_most()) continue;
    windows_ = std::move(windows);
    window_ = window;
  }
}

std::int64_t Sampler::at_least() const { return constraints_.size() == 1 ? window_.at_least() : 0; }

elasticvit::Architecture Sampler::draw(Rng& rng) const {
  for (int i = 0; i < most_tries; ++i) {
    elasticvit::Architecture architecture = window_.draw(rng);
    if (std::all_of(constraints_.begin(), constraints_.end(), [&](const Constraint& each) {
          const double cost = each.predictor->predict(architecture);
          return cost >= each.low && cost <= each.high;
        }))
      return architecture;
  }
  throw Error(ErrorKind::not_found, "window",
              fmt::format("none of {} subnets that meet one constraint meets all", most_tries),
              "widen them");
}

}  // namespace pliant::search
