#include "machine/native/kv/choice/expected.h"

#include <algorithm>
#include <cmath>

namespace pliant::kv {

namespace {

// What lies on and above the diagonal of R C R^T, C the covariance of the queries.
QuadraticForm turned_covariance(const QuerySums& sums, std::span<const double> mean,
                                const Turn& turn) {
  const auto width = std::ssize(sums.sum);
  const double rows = static_cast<double>(std::max<std::int64_t>(sums.rows, 1));
  std::vector<float> turned(width * width);
  for (std::int64_t i = 0; i < width; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      const double product = sums.products[std::min(i, j) * width + std::max(i, j)];
      turned[i * width + j] = static_cast<float>(product / rows - mean[i] * mean[j]);
    }
  for (int side = 0; side < 2; ++side) {  // R C, then its transpose likewise: C is symmetric
    for (std::int64_t i = 0; i < width; ++i)
      turn.apply(std::span(turned).subspan(i * width, width));
    for (std::int64_t i = 0; i < width; ++i)
      for (std::int64_t j = 0; j < i; ++j) std::swap(turned[i * width + j], turned[j * width + i]);
  }
  return {std::move(turned), width};
}

void softmax(std::span<float> scores) {
  if (scores.empty()) return;
  const float most = *std::ranges::max_element(scores);
  double sum = 0;
  for (float& each : scores) sum += static_cast<double>(each = std::exp(each - most));
  for (float& each : scores) each = static_cast<float>(static_cast<double>(each) / sum);
}

}  // namespace

void QuerySums::clear() {
  rows = 0;
  std::ranges::fill(sum, 0.0);
  std::ranges::fill(products, 0.0F);
}

void QuerySums::add(std::span<const float> queries) {
  const auto width = std::ssize(sum);
  for (std::int64_t i = 0; i < std::ssize(queries); ++i)
    sum[i % width] += static_cast<double>(queries[i]);
  rows += std::ssize(queries) / width;
  add_products(queries, width, 0, width, products);
}

std::vector<float> expected_weights(const QuerySums& sums, std::span<const float> keys,
                                    std::int64_t length, const Expectation& expectation) {
  const auto width = std::ssize(sums.sum), entries = std::ssize(keys) / width;
  const Turn turn = mean_turn(expectation.rotation, length, expectation.positions);
  std::vector<double> mean;
  for (const double each : sums.sum)
    mean.push_back(each / static_cast<double>(std::max<std::int64_t>(sums.rows, 1)));
  std::vector<float> turned(mean.begin(), mean.end()), scores(entries);
  turn.apply(turned);
  if (expectation.covariance) {
    scores = turned_covariance(sums, mean, turn).at(keys);
    for (float& each : scores)
      each *= static_cast<float>(expectation.scale * expectation.scale / 2);
  }
  for (std::int64_t entry = 0; entry < entries; ++entry) {
    double product = 0;
    for (std::int64_t i = 0; i < width; ++i)
      product += static_cast<double>(turned[i]) * static_cast<double>(keys[entry * width + i]);
    scores[entry] += static_cast<float>(expectation.scale * product);
  }
  softmax(scores);
  return scores;
}

}  // namespace pliant::kv
