#include "data/images/mix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace pliant::data {
namespace {

// Beta(a, a) for a of at most 1, by logarithms (Joehnk, Metrika 8, 1964).
double beta(double a, Rng& rng) {
  for (;;) {
    const double x = std::log(1 - rng.uniform()) / a, y = std::log(1 - rng.uniform()) / a;
    const double most = std::max(x, y);
    const double sum = most + std::log(std::exp(x - most) + std::exp(y - most));
    if (sum <= 0) return std::exp(x - sum);
  }
}

void check_beta(double a, const char* field) {
  if (!(a >= 0 && a <= 1))
    throw Error(ErrorKind::invalid, fmt::format("mix: {}", field),
                fmt::format("{} is not 0 to 1", a));
}

struct Box {
  std::int64_t top, left, height, width;
  std::int64_t area() const { return height * width; }
};

// A box of about this height and width around any pixel, as far as it lies inside.
Box any_box(std::int64_t side, double height, double width, Rng& rng) {
  const auto cut = [&](double size) {
    const std::int64_t whole = std::llround(size), centre = rng.below(side);
    const std::int64_t from = std::max<std::int64_t>(0, centre - whole / 2);
    return std::pair{from, std::min(side, centre - whole / 2 + whole) - from};
  };
  const auto [top, tall] = cut(height);
  const auto [left, wide] = cut(width);
  return {top, left, tall, wide};
}

// Calls with the offset of each element of the box in an image of three channels.
template <typename Visit>
void each_of(const Box& box, std::int64_t side, Visit&& visit) {
  for (std::int64_t row = 0; row < 3 * box.height; ++row) {
    const std::int64_t y = row / box.height * side + box.top + row % box.height;
    for (std::int64_t x = 0; x < box.width; ++x) visit(y * side + box.left + x);
  }
}

// Pairs of rows from both ends: a <- share a + (1 - share) b, and b alike.
void blend(const TensorView& rows, double share) {
  const std::int64_t count = rows.type.shape[0], size = elements(rows.type.shape) / count;
  const std::span<float> all = rows.span<float>();
  for (std::int64_t i = 0; i < count / 2; ++i)
    for (std::int64_t k = 0; k < size; ++k) {
      float &first = all[i * size + k], &second = all[(count - 1 - i) * size + k];
      const double a = first, b = second;
      first = static_cast<float>(share * a + (1 - share) * b);
      second = static_cast<float>(share * b + (1 - share) * a);
    }
}

void exchange(const TensorView& images, const Box& box) {
  const std::int64_t count = images.type.shape[0], side = images.type.shape[3],
                     size = elements(images.type.shape) / count;
  const std::span<float> all = images.span<float>();
  for (std::int64_t i = 0; i < count / 2; ++i)
    each_of(box, side, [&](std::int64_t at) {
      std::swap(all[i * size + at], all[(count - 1 - i) * size + at]);
    });
}

}  // namespace

void mix(const TensorView& images, const TensorView& targets, const MixOptions& options, Rng& rng) {
  check_beta(options.mixup, "mixup");
  check_beta(options.cutmix, "cutmix");
  if (options.mixup == 0 && options.cutmix == 0) return;
  const bool cut = options.mixup == 0 || (options.cutmix > 0 && rng.below(2) == 1);
  double share = beta(cut ? options.cutmix : options.mixup, rng);
  if (cut) {
    const std::int64_t side = images.type.shape[3];
    const double size = std::sqrt(1 - share) * static_cast<double>(side);
    const Box box = any_box(side, size, size, rng);
    exchange(images, box);
    share = 1 - static_cast<double>(box.area()) / static_cast<double>(side * side);
  } else {
    blend(images, share);
  }
  blend(targets, share);
}

void erase(const TensorView& images, double probability, Rng& rng) {
  if (!(probability >= 0 && probability <= 1))
    throw Error(ErrorKind::invalid, "erase", fmt::format("{} is no probability", probability));
  const std::int64_t count = images.type.shape[0], side = images.type.shape[3],
                     size = elements(images.type.shape) / count;
  const std::span<float> all = images.span<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (rng.uniform() >= probability) continue;
    const double area =
        (0.02 + (1.0 / 3 - 0.02) * rng.uniform()) * static_cast<double>(side * side);
    const double ratio = std::exp((2 * rng.uniform() - 1) * std::log(1 / 0.3));
    const Box box = any_box(side, std::sqrt(area * ratio), std::sqrt(area / ratio), rng);
    each_of(box, side,
            [&](std::int64_t at) { all[i * size + at] = static_cast<float>(rng.normal()); });
  }
}

}  // namespace pliant::data
