#include "machine/encrypted/graph/minimax.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pliant::encrypted {
namespace {

constexpr int kMostExchanges = 40;
constexpr double kLevel = 1.0005;  // largest error over the one that alternates: near enough

// Through points, by their barycentric weights.
struct Interpolant {
  std::vector<double> t, value, weight;

  double operator()(double at) const {
    double above = 0, below = 0;
    for (std::size_t k = 0; k < t.size(); ++k) {
      if (at == t[k]) return value[k];
      const double part = weight[k] / (at - t[k]);
      above += part * value[k];
      below += part;
    }
    return above / below;
  }
};

class Exchange {
 public:
  Exchange(std::span<const ValueAt> samples, int degree) : samples_(samples) {
    const int last = degree + 1;  // of the points where errors alternate
    for (int k = 0; k <= last; ++k) {
      const double t = -std::cos(std::numbers::pi * k / last);
      const auto at = std::ranges::lower_bound(samples, t, {}, &ValueAt::t) - samples.begin();
      const auto least = points_.empty() ? std::size_t{0} : points_.back() + 1;
      points_.push_back(std::clamp(static_cast<std::size_t>(at), least,
                                   samples.size() - static_cast<std::size_t>(last - k) - 1));
    }
  }

  Interpolant run() {
    Interpolant best;
    double least = INFINITY;
    for (int i = 0; i < kMostExchanges; ++i) {
      Interpolant tried = levelled();
      const double worst = measure(tried);
      if (worst < least) best = std::move(tried), least = worst;
      if (worst <= kLevel * std::abs(level_) || !exchange()) break;
    }
    return best;
  }

 private:
  // Of degree + 2 points, the polynomial of one degree less than they allow whose errors there are
  // equal and alternate.
  Interpolant levelled() {
    Interpolant result;
    for (const std::size_t k : points_) result.t.push_back(samples_[k].t);
    double above = 0, below = 0;
    for (std::size_t k = 0; k < points_.size(); ++k) {
      double product = 1;
      for (std::size_t j = 0; j < points_.size(); ++j)
        if (j != k) product *= 2 * (result.t[k] - result.t[j]);
      result.weight.push_back(1 / product);
      above += result.weight[k] * samples_[points_[k]].value;
      below += k % 2 == 0 ? result.weight[k] : -result.weight[k];
    }
    level_ = above / below;
    for (std::size_t k = 0; k < points_.size(); ++k)
      result.value.push_back(samples_[points_[k]].value - (k % 2 == 0 ? level_ : -level_));
    return result;
  }

  double measure(const Interpolant& of) {
    errors_.clear();
    double worst = 0;
    for (const ValueAt& sample : samples_) {
      errors_.push_back(sample.value - of(sample.t));
      worst = std::max(worst, std::abs(errors_.back()));
    }
    return worst;
  }

  // Where runs of errors of one sign are largest; of too many, not those at the ends.
  bool exchange() {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < errors_.size(); ++i)
      if (found.empty() || std::signbit(errors_[i]) != std::signbit(errors_[found.back()]))
        found.push_back(i);
      else if (std::abs(errors_[i]) > std::abs(errors_[found.back()])) found.back() = i;
    while (found.size() > points_.size()) {
      const bool front = std::abs(errors_[found.front()]) < std::abs(errors_[found.back()]);
      found.erase(front ? found.begin() : found.end() - 1);
    }
    if (found.size() < points_.size() || found == points_) return false;
    points_ = std::move(found);
    return true;
  }

  std::span<const ValueAt> samples_;
  std::vector<std::size_t> points_;  // ascending
  std::vector<double> errors_;       // of every sample
  double level_ = 0;
};

}  // namespace

std::function<double(double)> minimax(std::span<const ValueAt> samples, int degree) {
  return Exchange(samples, degree).run();
}

}  // namespace pliant::encrypted
