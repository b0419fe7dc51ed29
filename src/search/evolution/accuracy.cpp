#include "search/evolution/accuracy.h"

#include <cmath>

#include "core/error.h"
#include "models/elasticvit/counts.h"

namespace pliant::search {

using elasticvit::Architecture;

namespace {

using Matrix = std::vector<std::vector<double>>;

// Of a symmetric positive definite matrix, by Cholesky's factors, which take its place.
std::vector<double> solved(Matrix a, std::vector<double> right) {
  const std::size_t n = right.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k <= i; ++k) {
      double sum = a[i][k];
      for (std::size_t j = 0; j < k; ++j) sum -= a[i][j] * a[k][j];
      a[i][k] = i == k ? std::sqrt(sum) : sum / a[k][k];
    }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) right[i] -= a[i][j] * right[j];
    right[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) right[i] -= a[j][i] * right[j];
    right[i] /= a[i][i];
  }
  return right;
}

}  // namespace

std::vector<double> AccuracyPredictor::features(const Architecture& architecture) const {
  std::vector<double> result;
  const auto one_hot = [&](const std::vector<std::int64_t>& choices, std::int64_t chosen) {
    for (const std::int64_t each : choices) result.push_back(each == chosen);
  };
  one_hot(space_.resolutions, architecture.resolution);
  for (std::size_t i = 0; i < space_.stages.size(); ++i) {
    const elasticvit::StageSpace& stage = space_.stages[i];
    const elasticvit::StageChoice& choice = architecture.stages[i];
    const bool mobile = stage.kind == elasticvit::StageKind::mobile;
    one_hot(stage.widths, choice.width);
    one_hot(stage.depths, choice.depth);
    one_hot(mobile ? stage.expansions : stage.mlp_ratios, choice.inner.first);
    one_hot(mobile ? stage.kernels : stage.v_scales, choice.inner.second);
  }
  const double work = std::log(static_cast<double>(flops(space_, architecture))),
               size = std::log(static_cast<double>(parameters(space_, architecture).read()));
  result.insert(result.end(), {work, work * work, size, size * size});
  return result;
}

AccuracyPredictor::AccuracyPredictor(const elasticvit::Space& space,
                                     std::span<const Evaluated> evaluated, double penalty)
    : space_(space) {
  if (evaluated.size() < 2 || !(penalty > 0))
    throw Error(ErrorKind::invalid, "accuracy predictor",
                "needs two subnets to learn from, and a penalty");
  Matrix rows;
  const auto count = static_cast<double>(evaluated.size());
  for (const Evaluated& each : evaluated) {
    rows.push_back(features(each.architecture));
    middle_ += each.value / count;
  }
  const std::size_t n = rows[0].size();
  mean_.assign(n, 0);
  scale_.assign(n, 0);
  for (const std::vector<double>& row : rows)
    for (std::size_t i = 0; i < n; ++i) mean_[i] += row[i] / count;
  for (const std::vector<double>& row : rows)
    for (std::size_t i = 0; i < n; ++i)
      scale_[i] += (row[i] - mean_[i]) * (row[i] - mean_[i]) / count;
  for (double& each : scale_) each = each > 1e-12 ? 1 / std::sqrt(each) : 0;
  Matrix normal(n, std::vector<double>(n));
  std::vector<double> right(n);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < n; ++i) rows[r][i] = (rows[r][i] - mean_[i]) * scale_[i];
    for (std::size_t i = 0; i < n; ++i) {
      right[i] += rows[r][i] * (evaluated[r].value - middle_);
      for (std::size_t k = 0; k < n; ++k) normal[i][k] += rows[r][i] * rows[r][k];
    }
  }
  for (std::size_t i = 0; i < n; ++i) normal[i][i] += penalty;
  weights_ = solved(std::move(normal), std::move(right));
}

double AccuracyPredictor::predict(const Architecture& architecture) const {
  const std::vector<double> row = features(architecture);
  double value = middle_;
  for (std::size_t i = 0; i < row.size(); ++i)
    value += weights_[i] * (row[i] - mean_[i]) * scale_[i];
  return value;
}

double kendall_tau(std::span<const double> a, std::span<const double> b) {
  double agree = 0, in_a = 0, in_b = 0;
  const auto order = [](double x, double y) { return double(x > y) - double(x < y); };
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      const double one = order(a[i], a[k]), other = order(b[i], b[k]);
      agree += one * other;
      in_a += one * one;
      in_b += other * other;
    }
  return in_a > 0 && in_b > 0 ? agree / std::sqrt(in_a * in_b) : 0;
}

}  // namespace pliant::search
