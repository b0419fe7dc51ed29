// Accuracy before a subnet is evaluated, learned from those that were.
#pragma once

#include <span>
#include <vector>

#include "search/predictor.h"

namespace pliant::search {

struct Evaluated {
  elasticvit::Architecture architecture;
  double value = 0;  // the higher the better
};

// Ridge regression on every choice of a subnet, each value of it by itself, and on the logarithms
// of FLOPs and parameters with their squares.
class AccuracyPredictor : public Predictor {
 public:
  // `space` must outlive this. Throws Error{invalid} for fewer than two, or a penalty that is not
  // positive.
  AccuracyPredictor(const elasticvit::Space& space, std::span<const Evaluated> evaluated,
                    double penalty = 1);
  double predict(const elasticvit::Architecture& architecture) const override;

 private:
  std::vector<double> features(const elasticvit::Architecture& architecture) const;

  const elasticvit::Space& space_;
  std::vector<double> mean_, scale_;  // of the features
  std::vector<double> weights_;
  double middle_ = 0;  // mean of the values
};

// Kendall's tau-b of two lists of as many numbers: 1 in one order, -1 in opposite ones; 0 where one
// of them has no order.
double kendall_tau(std::span<const double> a, std::span<const double> b);

}  // namespace pliant::search
