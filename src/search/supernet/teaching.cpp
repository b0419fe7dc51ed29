#include "search/supernet/teaching.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace pliant::search {

Tensor softened(const TensorView& logits, double temperature) {
  if (!(temperature > 0))
    throw Error(ErrorKind::invalid, "temperature", fmt::format("{} is not positive", temperature));
  Tensor result(logits.type);
  const std::span<const float> in = logits.span<const float>();
  const std::span<float> out = result.span<float>();
  const auto classes = static_cast<std::size_t>(logits.type.shape.back());
  for (std::size_t row = 0; row < in.size(); row += classes) {
    const double most = *std::ranges::max_element(in.subspan(row, classes));
    double sum = 0;
    const auto exponent = [&](std::size_t i) { return std::exp((in[i] - most) / temperature); };
    for (std::size_t i = row; i < row + classes; ++i) sum += exponent(i);
    for (std::size_t i = row; i < row + classes; ++i)
      out[i] = static_cast<float>(exponent(i) / sum);
  }
  return result;
}

Tensor mean_of(std::span<const Tensor> distributions) {
  if (distributions.empty()) throw Error(ErrorKind::invalid, "teachers", "there are none");
  Tensor result = distributions.front().copy();
  const std::span<float> out = result.span<float>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (const Tensor& each : distributions) sum += each.span<float>()[i];
    out[i] = static_cast<float>(sum / static_cast<double>(distributions.size()));
  }
  return result;
}

}  // namespace pliant::search
