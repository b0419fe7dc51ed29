// Best polynomials: errors that are known, and how low a degree they allow.
#include "machine/encrypted/graph/minimax.h"

#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/graph/chebyshev.h"

namespace pliant::encrypted {
namespace {

template <typename Function>
double least_error(const Function& function, int degree) {
  std::vector<ValueAt> samples;
  for (int i = 0; i < 4097; ++i) {
    const double t = -1 + 2.0 * i / 4096;
    samples.push_back({t, function(t)});
  }
  const auto best = minimax(samples, degree);
  double error = 0;
  for (const ValueAt& each : samples) error = std::max(error, std::abs(best(each.t) - each.value));
  return error;
}

// n times the error of |t| in degree n comes to 0.28017 (Varga and Carpenter 1985).
TEST(Minimax, OfTheAbsoluteValueIsBernsteins) {
  for (const int degree : {8, 56, 128, 254})
    EXPECT_NEAR(degree * least_error([](double t) { return std::abs(t); }, degree), .28017, .006)
        << degree;
}

TEST(Minimax, OfAPowerIsChebyshevs) {  // t^5 less its best in degree 4 is T_5 / 16
  EXPECT_NEAR(least_error([](double t) { return std::pow(t, 5); }, 4), 1. / 16, 1e-3);
  EXPECT_LT(least_error([](double t) { return 3 * t * t - t + 1; }, 2), 1e-12);
}

TEST(Minimax, ReluTakesALowDegree) {
  const RealFunction relu{[](double x) { return std::max(x, 0.0); },
                          [](const Interval& x) {
                            return Interval{std::max(x.low, 0.0), std::max(x.high, 0.0)};
                          }};
  for (const auto& [bound, degree] : {std::pair(4.0, 64), std::pair(8.0, 128)}) {
    const Chebyshev found = interpolate(relu, {-bound, bound}, 1e-2, 255, "relu");
    EXPECT_LE(found.degree(), degree);
    EXPECT_LE(found.error, 1e-2);
    double odd = 0;  // but for that of x / 2
    for (std::size_t k = 3; k < found.coefficients.size(); k += 2)
      odd = std::max(odd, std::abs(found.coefficients[k]));
    EXPECT_EQ(odd, 0);
  }
}

}  // namespace
}  // namespace pliant::encrypted
