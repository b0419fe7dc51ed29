#include "machine/native/kv/choice/quadratic.h"

#include <algorithm>
#include <utility>

namespace pliant::kv {

namespace {

void add(float* to, float factor, const float* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

}  // namespace

QuadraticForm::QuadraticForm(std::vector<float> upper, std::int64_t width)
    : twice_(std::move(upper)), width_(width) {
  for (std::int64_t i = 0; i < width; ++i)
    for (std::int64_t j = 0; j < width; ++j) twice_[i * width + j] *= j == i ? 1 : j > i ? 2 : 0;
}

std::vector<float> QuadraticForm::at(std::span<const float> x) const {
  std::vector<float> result, sums(width_);
  for (const float* row = x.data(); row != x.data() + x.size(); row += width_) {
    std::ranges::fill(sums, 0.0F);
    for (std::int64_t i = 0; i < width_; ++i)
      add(sums.data() + i, row[i], twice_.data() + i * width_ + i, width_ - i);
    double sum = 0;
    for (std::int64_t i = 0; i < width_; ++i)
      sum += static_cast<double>(sums[i]) * static_cast<double>(row[i]);
    result.push_back(static_cast<float>(sum));
  }
  return result;
}

void add_products(std::span<const float> matrix, std::int64_t columns, std::int64_t first,
                  std::int64_t width, std::span<float> upper) {
  for (std::int64_t row = first; row < std::ssize(matrix); row += columns)
    for (std::int64_t i = 0; i < width; ++i)
      add(upper.data() + i * width + i, matrix[row + i], matrix.data() + row + i, width - i);
}

QuadraticForm squared_length(std::span<const float> matrix, std::int64_t columns,
                             std::int64_t first, std::int64_t width) {
  std::vector<float> upper(width * width);
  add_products(matrix, columns, first, width, upper);
  return {std::move(upper), width};
}

}  // namespace pliant::kv
