#include "machine/encrypted/graph/chebyshev.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>

#include "core/error.h"
#include "machine/encrypted/graph/minimax.h"

namespace pliant::encrypted {
namespace {

using einsum::CipherId;
using einsum::ClearId;
using einsum::Plain;

constexpr int kGrid = 4097;         // odd: the middle is on it, where ReLU bends
constexpr double kMargin = 1.1;     // for what lies between the points
constexpr double kOutstanding = 8;  // times what the middle cell of the grid may hide
constexpr int kMostSplits = 1 << 14;
constexpr double kNegligible = 1e-15;  // of the largest coefficient
// Coefficients up to so much of the error are left out if it stays: of an even function all odd
// ones, each of which costs a product.
constexpr double kOfMinimax[] = {1e-2, 1e-4};

double from_unit(const Interval& i, double t) { return (i.low + i.high + t * i.width()) / 2; }

// Clenshaw's recurrence.
double value_at(const std::vector<double>& coefficients, double t) {
  double next = 0, after = 0;
  for (std::size_t k = coefficients.size(); k-- > 1;) {
    const double here = coefficients[k] + 2 * t * next - after;
    after = next;
    next = here;
  }
  return coefficients[0] + t * next - after;
}

// Of a function on [-1, 1], without those up to `negligible`.
std::vector<double> coefficients_of(const std::function<double(double)>& function, int degree,
                                    double negligible) {
  const int n = degree + 1;
  std::vector<double> nodes(n), result(n);
  for (int j = 0; j < n; ++j) nodes[j] = function(std::cos(std::numbers::pi * (j + .5) / n));
  double largest = 0;
  for (int k = 0; k < n; ++k) {
    for (int j = 0; j < n; ++j)
      result[k] += nodes[j] * std::cos(std::numbers::pi * k * (j + .5) / n);
    result[k] *= (k == 0 ? 1.0 : 2.0) / n;
    largest = std::max(largest, std::abs(result[k]));
  }
  for (double& c : result)
    if (std::abs(c) < std::max(negligible, kNegligible * largest)) c = 0;
  while (result.size() > 1 && result.back() == 0) result.pop_back();
  return result;
}

// A function at points of its interval, and what interpolations of it differ by there.
class Grid {
 public:
  Grid(const RealFunction& function, const Interval& interval, double error, std::string_view place)
      : function_(function), interval_(interval), place_(place) {
    if (!(interval.low < interval.high) || !std::isfinite(interval.width()))
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("approximated on [{}, {}]", interval.low, interval.high),
                  "state a range of its operand, or observe one");
    for (int i = 0; i < kGrid; ++i) add(-1 + 2.0 * i / (kGrid - 1));
    for (std::size_t i = 1; i < kGrid; ++i) cells_.push_back(cell(i - 1, i));
    refine(error);
    for (const Cell& each : cells_) steepen(each);
  }

  // The interpolation, or the best polynomial where that may reach `error` and the other does not:
  // the interpolation's error is at most 2 + 2/pi log(degree + 1) times the least one.
  Chebyshev of_degree(int degree, double error) const {
    Chebyshev plain = measured(
        coefficients_of([this](double t) { return finite(from_unit(interval_, t)); }, degree, 0));
    const double reach = 2 + 2 / std::numbers::pi * std::log(degree + 1);
    if (plain.error <= error || plain.error > reach * error ||
        std::cmp_less(points_.size(), degree + 2))
      return plain;
    const auto least = minimax(ascending(), degree);
    for (const double part : kOfMinimax) {
      Chebyshev best = measured(coefficients_of(least, degree, part * error));
      if (best.error <= error) return best;
    }
    return plain;
  }

 private:
  std::vector<ValueAt> ascending() const {
    std::vector<ValueAt> result = points_;
    std::ranges::sort(result, {}, &ValueAt::t);
    return result;
  }

  Chebyshev measured(std::vector<double> coefficients) const {
    Chebyshev result{interval_, std::move(coefficients)};
    result.values = {INFINITY, -INFINITY};
    for (const ValueAt& each : points_) {
      const double value = value_at(result.coefficients, each.t);
      const double error = kMargin * std::abs(value - each.value) + unseen_;
      result.error = std::max(result.error, error);
      result.values = hull(result.values, {value, value});
    }
    result.slope = slope_;
    return result;
  }

  struct Cell {
    std::size_t first, last;  // points
    double unseen;            // how far the function may go beyond its values there
    bool operator<(const Cell& other) const { return unseen < other.unseen; }
  };

  std::size_t add(double t) {
    points_.push_back({t, finite(from_unit(interval_, t))});
    return points_.size() - 1;
  }

  Cell cell(std::size_t first, std::size_t last) const {
    const ValueAt &a = points_[first], &b = points_[last];
    const Interval all = function_.over({from_unit(interval_, a.t), from_unit(interval_, b.t)});
    const auto [low, high] = std::minmax(a.value, b.value);
    return {first, last, std::max({all.high - high, low - all.low, 0.0})};
  }

  // Halves the cells that hide most. Interval arithmetic leaves something between any two points of
  // a smooth function: what stands out from that is looked at.
  void refine(double error) {
    std::vector<Cell> sorted = cells_;
    const auto middle = sorted.begin() + std::ssize(sorted) / 2;
    std::nth_element(sorted.begin(), middle, sorted.end());
    const double often = kOutstanding * middle->unseen;
    const double usual = std::isfinite(often) ? std::max(error, often) : error;
    std::make_heap(cells_.begin(), cells_.end());
    for (int splits = 0; cells_.front().unseen > usual; ++splits) {
      std::pop_heap(cells_.begin(), cells_.end());
      const Cell cut = cells_.back();
      const double a = points_[cut.first].t, b = points_[cut.last].t, t = a + (b - a) / 2;
      if (splits == kMostSplits || t <= a || t >= b) return stop(cut);
      const std::size_t at = add(t);
      cells_.back() = cell(cut.first, at);
      std::push_heap(cells_.begin(), cells_.end());
      cells_.push_back(cell(at, cut.last));
      std::push_heap(cells_.begin(), cells_.end());
    }
  }

  void stop(const Cell& cell) {
    unseen_ = cell.unseen;
    if (!std::isfinite(unseen_))
      throw Error(
          ErrorKind::invalid, std::string(place_),
          fmt::format("may have a pole, or be no number, near {}, within the range [{}, {}] "
                      "of its operand",
                      from_unit(interval_, points_[cell.first].t), interval_.low, interval_.high),
          "state a range without that point");
  }

  double finite(double x) const {
    const double value = function_.at(x);
    if (!std::isfinite(value))
      throw Error(ErrorKind::invalid, std::string(place_),
                  fmt::format("is {} at {}, within the range [{}, {}] of its operand", value, x,
                              interval_.low, interval_.high),
                  "state a range without that point");
    return value;
  }

  void steepen(const Cell& cell) {
    const ValueAt &a = points_[cell.first], &b = points_[cell.last];
    const double width = (b.t - a.t) * interval_.width() / 2;
    slope_ = std::max(slope_, kMargin * std::abs(b.value - a.value) / width);
  }

  const RealFunction& function_;
  Interval interval_;
  std::string_view place_;
  std::vector<ValueAt> points_;
  std::vector<Cell> cells_;
  double slope_ = 0;
  double unseen_ = 0;  // what could not be looked at
};

// On one ciphertext. The polynomials T_k are made when first asked for.
class Steps {
 public:
  Steps(const Cells& cells, einsum::ProgramBuilder& builder) : cells_(cells), builder_(builder) {}

  CipherId run(const Chebyshev& polynomial, CipherId t) {
    basis_[1] = claimed(t);
    const auto n = static_cast<std::uint64_t>(polynomial.degree()) + 1;
    babies_ = 1 << ((std::bit_width(n - 1) + 1) / 2);
    return sum(polynomial.coefficients);
  }

 private:
  Plain times(double factor) const { return {ClearId::none, cells_, factor}; }
  CipherId claimed(CipherId id) {
    builder_.claim(id, 1);
    return id;
  }
  CipherId product(CipherId a, CipherId b) {
    return builder_.rescale(builder_.relinearize(builder_.multiply(a, b)));
  }

  // T_a+b = 2 T_a T_b - T_a-b
  CipherId basis(int k) {
    if (const auto known = basis_.find(k); known != basis_.end()) return known->second;
    const int a = (k + 1) / 2, b = k / 2;
    CipherId both = product(basis(a), basis(b));
    both = builder_.add(both, both);
    both = a == b ? builder_.add(both, times(-1)) : builder_.add(both, builder_.negate(basis(1)));
    return basis_[k] = claimed(both);
  }

  // Of fewer terms than there are babies: one level, one rescale.
  CipherId short_sum(const std::vector<double>& c) {
    std::optional<CipherId> sum;
    for (std::size_t k = 1; k < c.size(); ++k) {
      if (c[k] == 0) continue;
      const CipherId term = builder_.multiply(basis(static_cast<int>(k)), times(c[k]));
      sum = sum ? builder_.add(*sum, term) : term;
    }
    if (!sum) sum = builder_.multiply(basis(1), times(0));
    const CipherId result = builder_.rescale(*sum);
    return c[0] == 0 ? result : builder_.add(result, times(c[0]));
  }

  // p = q T_g + r, g the largest power of two that leaves a quotient.
  CipherId sum(const std::vector<double>& c) {
    if (std::cmp_less_equal(c.size(), babies_)) return short_sum(c);
    const auto g = static_cast<std::size_t>(std::bit_floor(c.size() - 1));
    std::vector<double> quotient(c.size() - g, 0.0), rest(c.begin(), c.begin() + g);
    quotient[0] = c[g];
    for (std::size_t k = g + 1; k < c.size(); ++k) {
      quotient[k - g] += 2 * c[k];
      rest[2 * g - k] -= c[k];
    }
    const CipherId giant = basis(static_cast<int>(g));
    const CipherId high = quotient.size() == 1
                              ? builder_.rescale(builder_.multiply(giant, times(quotient[0])))
                              : product(sum(quotient), giant);
    return builder_.add(high, sum(rest));
  }

  const Cells& cells_;
  einsum::ProgramBuilder& builder_;
  std::map<int, CipherId> basis_;
  int babies_ = 1;
};

}  // namespace

Chebyshev interpolate(const RealFunction& function, const Interval& interval, double error,
                      int most, std::string_view place) {
  const Grid grid(function, interval, error, place);
  int above = 0, enough = 1;  // degrees: too small, large enough
  Chebyshev best = grid.of_degree(enough, error);
  for (; best.error > error; best = grid.of_degree(enough, error)) {
    if (enough >= most)
      throw Error(
          ErrorKind::unsupported, std::string(place),
          fmt::format("degree {} leaves an error of {:.2g} on [{}, {}], {:.2g} is asked for",
                      enough, best.error, interval.low, interval.high, error),
          "ask for less accuracy, or state a narrower range of its operand");
    above = enough;
    enough = std::min(2 * enough + 1, most);
  }
  while (enough - above > 1) {
    const int middle = (above + enough) / 2;
    Chebyshev tried = grid.of_degree(middle, error);
    if (tried.error <= error) best = std::move(tried), enough = middle;
    else above = middle;
  }
  return best;
}

CipherId evaluate(const Chebyshev& polynomial, CipherId t, const Cells& cells,
                  einsum::ProgramBuilder& builder) {
  return Steps(cells, builder).run(polynomial, t);
}

}  // namespace pliant::encrypted
