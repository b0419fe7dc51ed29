#include "eval/classes.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pliant::eval {
namespace {

// The values as probabilities: as they are if they add up to 1, else their softmax.
std::vector<double> probabilities(const std::vector<double>& values) {
  double sum = 0;
  bool proper = true;
  for (const double value : values) {
    sum += value;
    proper = proper && value >= 0;
  }
  if (proper && std::abs(sum - 1) < 1e-3) return values;
  const double largest = *std::max_element(values.begin(), values.end());
  std::vector<double> result;
  sum = 0;
  for (const double value : values) sum += result.emplace_back(std::exp(value - largest));
  for (double& value : result) value /= sum;
  return result;
}

}  // namespace

std::vector<Class> top_classes(const TensorView& scores, std::int64_t count,
                               std::span<const std::string> labels) {
  const std::int64_t size = elements(scores.type.shape);
  assert(labels.empty() || std::ssize(labels) == size);
  if (size == 0) return {};
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(get(scores, i));
  const std::vector<double> share = probabilities(values);
  std::vector<Class> classes;
  for (std::size_t i = 0; i < values.size(); ++i)
    classes.push_back(
        {static_cast<std::int64_t>(i), values[i], share[i], labels.empty() ? "" : labels[i]});
  const auto better = [](const Class& a, const Class& b) {
    return a.value != b.value ? a.value > b.value : a.index < b.index;
  };
  const std::int64_t shown = std::min(count, size);
  std::partial_sort(classes.begin(), classes.begin() + shown, classes.end(), better);
  classes.resize(shown);
  return classes;
}

}  // namespace pliant::eval
