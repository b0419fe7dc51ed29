// The definitions of graph/losses.h for one row, in f64.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace pliant {

using Row = std::vector<double>;

inline Row softmax_of(const Row& logits) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const double each : logits) sum += std::exp(each - most);
  Row result;
  for (const double each : logits) result.push_back(std::exp(each - most) / sum);
  return result;
}

inline double soft_cross_entropy_of(const Row& logits, const Row& target) {
  const Row q = softmax_of(logits);
  double sum = 0;
  for (std::size_t i = 0; i < q.size(); ++i) sum -= target[i] * std::log(q[i]);
  return sum;
}

inline double alpha_divergence_of(const Row& logits, const Row& p, double alpha, double clip) {
  const Row q = softmax_of(logits);
  double sum = 0;
  for (std::size_t i = 0; i < q.size(); ++i)
    if (alpha == 1) sum += p[i] == 0 ? 0 : p[i] * std::log(p[i] / q[i]);
    else sum += q[i] * (std::min(clip, std::pow(p[i] / q[i], alpha)) - 1) / (alpha * (alpha - 1));
  return sum;
}

// By alphas of -1 and 1.
inline double alpha_divergence_of(const Row& logits, const Row& p, double clip) {
  return std::max(alpha_divergence_of(logits, p, -1, clip),
                  alpha_divergence_of(logits, p, 1, clip));
}

}  // namespace pliant
