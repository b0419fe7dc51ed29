// Quadratic forms: lengths of what a matrix makes of vectors, without the matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant::kv {

// x -> x^T A x for a symmetric A [width, width].
class QuadraticForm {
 public:
  QuadraticForm() = default;
  // `upper`: A's upper half, row by row; what is below the diagonal is not read
  QuadraticForm(std::vector<float> upper, std::int64_t width);
  std::int64_t width() const { return width_; }
  // One number for each row of `x` [rows, width].
  std::vector<float> at(std::span<const float> x) const;

 private:
  std::vector<float> twice_;  // A with its upper half doubled, zeros below the diagonal
  std::int64_t width_ = 0;
};

// Adds what is on and above the diagonal of M^T M, for columns [first, first + width) of a matrix M
// [rows, columns], to `upper` [width, width].
void add_products(std::span<const float> matrix, std::int64_t columns, std::int64_t first,
                  std::int64_t width, std::span<float> upper);

// |M x|^2 for columns [first, first + width) of a matrix M [rows, columns].
QuadraticForm squared_length(std::span<const float> matrix, std::int64_t columns,
                             std::int64_t first, std::int64_t width);

// By layer and query head: the squared length of what the output projection makes of a value.
using OutputForms = std::vector<std::vector<QuadraticForm>>;

}  // namespace pliant::kv
