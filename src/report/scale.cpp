#include "report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "core/units.h"

namespace pliant::report {
namespace {

constexpr double kibi = 1024;
constexpr double share_of_nothing = 0.1;  // of a logarithmic axis, kept for values <= 0

// The least of 1, 2, 5, 10, 20 ... times `unit` that is not below `wanted`.
double round_step(double wanted, double unit) {
  double decade = unit;
  while (decade * 10 <= wanted) decade *= 10;
  for (const double factor : {1.0, 2.0, 5.0})
    if (decade * factor >= wanted) return decade * factor;
  return decade * 10;
}

template <typename Label>
std::vector<Tick> multiples(double low, double high, double step, Label&& label) {
  std::vector<Tick> ticks;
  for (double i = std::ceil(low / step); i * step <= high * (1 + 1e-12); ++i)
    ticks.push_back({i * step, label(i * step)});
  return ticks;
}

template <typename Label>
std::vector<Tick> powers_of_two(double low, double high, int count, Label&& label) {
  const double first = std::ceil(std::log2(low)), last = std::floor(std::log2(high));
  const double every = std::max(1.0, std::ceil((last - first + 1) / count));
  std::vector<Tick> ticks;
  for (double power = first; power <= last; power += every)
    ticks.push_back({std::exp2(power), label(std::exp2(power))});
  return ticks;
}

double unit_of(double bytes) {
  double unit = 1;
  while (bytes / unit >= kibi && unit < kibi * kibi * kibi * kibi) unit *= kibi;
  return unit;
}

std::string in_unit(double bytes, double unit) {
  if (bytes == 0) return "0";
  constexpr std::array<const char*, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  const std::size_t at = std::lround(std::log2(unit) / 10);
  return fmt::format("{} {}", std::round(bytes / unit * 100) / 100, names[at]);
}

}  // namespace

Scale Scale::linear(double low, double high, double from, double to) {
  Scale scale;
  scale.low_ = low;
  scale.high_ = high > low ? high : low + 1;
  scale.from_ = from;
  scale.to_ = to;
  return scale;
}

Scale Scale::logarithmic(double low, double high, double from, double to) {
  assert(low > 0);
  Scale scale = linear(low, high > low ? high : low * 2, from, to);
  scale.logarithmic_ = true;
  return scale;
}

double Scale::operator()(double value) const {
  if (!logarithmic_) return from_ + (value - low_) / (high_ - low_) * (to_ - from_);
  if (value <= 0) return from_;
  const double share = std::log(value / low_) / std::log(high_ / low_);
  return from_ + (share_of_nothing + (1 - share_of_nothing) * share) * (to_ - from_);
}

std::string byte_label(double bytes) { return in_unit(bytes, unit_of(bytes)); }

std::vector<Tick> count_ticks(double low, double high, int count) {
  const double step = round_step(std::max(high - low, 1.0) / count, 1);
  return multiples(low, high, step, [](double value) { return grouped_text(std::llround(value)); });
}

std::vector<Tick> real_ticks(double low, double high, int count) {
  const double wanted = (high - low) / count;
  const double step = round_step(wanted, std::pow(10, std::floor(std::log10(wanted))));
  return multiples(low, high, step, [&](double value) {
    const double rounded = std::round(value / step) * step;  // 0, not -1e-17
    return fmt::format("{:.6g}", rounded == 0 ? 0.0 : rounded);
  });
}

std::vector<Tick> byte_ticks(double low, double high, int count) {
  const double wanted = std::max(high - low, 1.0) / count, unit = unit_of(high);
  if (unit == 1)
    return multiples(low, high, round_step(wanted, 1),
                     [](double value) { return in_unit(value, 1); });
  const double step = std::exp2(std::ceil(std::log2(wanted)));
  const double shown = step < unit / 4 ? std::max(1.0, unit / kibi) : unit;
  return multiples(low, high, step, [&](double value) {
    return in_unit(value, std::fmod(value, unit) == 0 ? unit : shown);  // 1 MiB after 896 KiB
  });
}

std::vector<Tick> byte_ticks_logarithmic(double low, double high, int count) {
  return powers_of_two(low, high, count, [](double value) { return byte_label(value); });
}

std::vector<Tick> count_ticks_logarithmic(double low, double high, int count) {
  return powers_of_two(low, high, count,
                       [](double value) { return count_text(std::llround(value)); });
}

}  // namespace pliant::report
