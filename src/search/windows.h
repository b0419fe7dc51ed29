// Subnets whose cost lies in a window, each as likely as any other, by dynamic programming over the
// whole space: costs of stages are rounded down to bins and counted from the head backwards, a
// draw follows the counts forwards, and what the rounding let in by mistake is drawn again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/rng.h"
#include "search/predictor.h"

namespace pliant::search {

inline constexpr int most_tries = 100'000;  // of a draw, until it fails

class Ways;
class Windows;

class Window {
 public:
  // Bounds on the number of subnets inside. The width of the bins makes the difference.
  std::int64_t at_least() const { return at_least_; }
  std::int64_t at_most() const { return at_most_; }
  // Exactly inside, uniform. Throws Error{not_found} when none of most_tries is, as may happen
  // in a window that is much narrower than a bin.
  elasticvit::Architecture draw(Rng& rng) const;

 private:
  friend class Windows;
  const Windows* windows_ = nullptr;
  double low_ = 0, high_ = 0;
  std::int64_t first_ = 0, last_ = 0;  // bins of what may be inside
  std::int64_t at_least_ = 0, at_most_ = 0;
};

class Windows {
 public:
  // `predictor` must outlive this. The most expensive subnet is `bins` bins away from 0; with the
  // published space, 65,536 take a second and 50 MB.
  explicit Windows(const StagePredictor& predictor, std::int64_t bins = 1 << 16);
  ~Windows();

  double least() const;  // cost of the cheapest subnet; most(): of the most expensive one
  double most() const;

  // Costs from low to high, both included; must not outlive this. Throws Error{usage} for a high
  // below low, Error{not_found} where no subnet can be.
  Window within(double low, double high) const;

 private:
  friend class Window;
  std::unique_ptr<const Ways> ways_;
};

}  // namespace pliant::search
