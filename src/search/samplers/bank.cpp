#include "search/samplers/bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/elasticvit/counts.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Space;

namespace {

void check_finite(double score) {
  if (!std::isfinite(score))
    throw Error(ErrorKind::invalid, "bank", fmt::format("{} is no score", score));
}

bool worse(const Scored& a, const Scored& b) { return a.score < b.score; }

}  // namespace

Bank::Bank(std::size_t capacity) : capacity_(capacity) {
  if (capacity == 0) throw Error(ErrorKind::invalid, "bank", "holds no subnet");
}

void Bank::offer(const Architecture& architecture, double score) {
  check_finite(score);
  const auto known = std::ranges::find(entries_, architecture, &Scored::architecture);
  if (known != entries_.end()) {
    known->score = score;
  } else if (entries_.size() < capacity_) {
    entries_.push_back({architecture, score});
  } else if (const auto worst = std::ranges::min_element(entries_, worse); worst->score < score) {
    *worst = {architecture, score};
  }
}

void Bank::rescore(std::span<const double> scores) {
  if (scores.size() != entries_.size())
    throw Error(ErrorKind::invalid, "bank",
                fmt::format("{} scores for {} subnets", scores.size(), entries_.size()));
  std::ranges::for_each(scores, check_finite);
  for (std::size_t i = 0; i < scores.size(); ++i) entries_[i].score = scores[i];
}

const Scored& Bank::best() const { return *std::ranges::max_element(entries_, worse); }

const Architecture& Bank::draw(Rng& rng) const {
  const double most = best().score;
  double sum = 0;
  for (const Scored& each : entries_) sum += std::exp(each.score - most);
  double left = rng.uniform() * sum;
  for (const Scored& each : entries_)
    if ((left -= std::exp(each.score - most)) < 0) return each.architecture;
  return best().architecture;  // what rounding left over
}

double depth_over_width(const Space& space, const Architecture& candidate,
                        const Architecture& anchor) {
  Architecture narrow = candidate, shallow = candidate;
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    if (space.stages[i].kind != elasticvit::StageKind::transformer) continue;
    narrow.stages[i].width = anchor.stages[i].width;
    shallow.stages[i].depth = anchor.stages[i].depth;
  }
  return static_cast<double>(flops(space, narrow) - flops(space, shallow));
}

}  // namespace pliant::search
