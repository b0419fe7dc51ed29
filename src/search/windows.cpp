#include "search/windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "search/ways.h"

namespace pliant::search {
Windows::Windows(const StagePredictor& predictor, std::int64_t bins)
    : ways_(std::make_unique<const Ways>(predictor, bins)) {}
Windows::~Windows() = default;

double Windows::least() const { return ways_->ends().least; }
double Windows::most() const { return ways_->ends().most; }

Window Windows::within(double low, double high) const {
  if (!(low <= high))
    throw Error(ErrorKind::usage, "window", fmt::format("{} to {} is empty", low, high));
  Window window;
  window.windows_ = this;
  window.low_ = low;
  window.high_ = high;
  // One bin more on both sides, because a division may round.
  const auto bin_of = [&](double cost) { return ways_->bin_of(std::clamp(cost, 0.0, 2 * most())); };
  const std::int64_t slack = ways_->slack();
  window.first_ = bin_of(low) - slack - 1;
  window.last_ = bin_of(high) + 1;
  window.at_most_ = ways_->count(window.first_, window.last_);
  window.at_least_ = ways_->count(bin_of(low) + 2, bin_of(high) - slack - 1);
  if (window.at_most_ == 0 || low > most() || high < least())
    throw Error(ErrorKind::not_found, "window", fmt::format("no subnet costs {} to {}", low, high),
                fmt::format("they cost {} to {}", least(), most()));
  return window;
}

elasticvit::Architecture Window::draw(Rng& rng) const {
  const Ways& ways = *windows_->ways_;
  for (int i = 0; i < most_tries; ++i) {
    elasticvit::Architecture architecture = ways.pick(rng.below(at_most_), first_, last_);
    const double cost = ways.predictor().predict(architecture);
    if (cost >= low_ && cost <= high_) return architecture;
  }
  throw Error(ErrorKind::not_found, "window",
              fmt::format("none of {} subnets near {} to {} lies in it", most_tries, low_, high_),
              "widen it");
}

}  // namespace pliant::search
