// Subnets that meet several constraints at once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "search/windows.h"

namespace pliant::search {

struct Constraint {
  const StagePredictor* predictor = nullptr;
  double low = 0, high = 0;  // of its cost, both included
};

// Draws from the window of the constraint that fewest subnets meet, and again until the others are
// met too: uniform over those that meet all.
class Sampler {
 public:
  // One constraint at least; predictors, all of one space, must outlive this. Throws as
  // Windows::within().
  explicit Sampler(const std::vector<Constraint>& constraints);

  // Subnets that meet all constraints; at_least is 0 if there are several.
  std::int64_t at_least() const;
  std::int64_t at_most() const { return window_.at_most(); }
  // Throws Error{not_found} when most_tries fail.
  elasticvit::Architecture draw(Rng& rng) const;

 private:
  std::vector<Constraint> constraints_;
  std::unique_ptr<const Windows> windows_;
  Window window_;
};

}  // namespace pliant::search
