// Axes: from a quantity to pixels, and where the ticks are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant::report {

struct Tick {
  double value = 0;
  std::string text;
};

// Maps [low, high] to pixels [from, to] (to < from where an axis points up). A logarithmic one maps
// values <= 0 to `from` and starts its decades a little after it, so that nothing at all can be
// shown beside what is small.
class Scale {
 public:
  static Scale linear(double low, double high, double from, double to);
  // low > 0: the least positive value
  static Scale logarithmic(double low, double high, double from, double to);
  double operator()(double value) const;
  bool is_logarithmic() const { return logarithmic_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_ = 0, high_ = 1, from_ = 0, to_ = 1;
  bool logarithmic_ = false;
};

// "0", "512 KiB", "1.5 MiB": short, exact for what byte_ticks() makes.
std::string byte_label(double bytes);

// About `count` round values in [low, high]: multiples of 1, 2 or 5 times a power of ten.
std::vector<Tick> count_ticks(double low, double high, int count);
// The same for real numbers, with as many decimals as the steps need.
std::vector<Tick> real_ticks(double low, double high, int count);
// The same for bytes: multiples of a power of two (below 1 KiB as above), exact.
std::vector<Tick> byte_ticks(double low, double high, int count);
// Powers of two (or of 4, 16 ... where there are many) within a logarithmic scale.
std::vector<Tick> byte_ticks_logarithmic(double low, double high, int count);
std::vector<Tick> count_ticks_logarithmic(double low, double high,
                                          int count);  // "1", "2", "4", ... "32.8 k"

}  // namespace pliant::report
