#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "core/error.h"
#include "image/image.h"

namespace pliant {
namespace {

constexpr int weight_bits = 22;

// Output sample i is the weighted sum of input samples first[i] .. first[i] + count[i] - 1.
struct Weights {
  std::vector<int> first, count;
  std::vector<std::int64_t> weights;  // [output][widest], weight_bits behind the point
  std::size_t widest = 0;
};

double sinc(double x) {
  return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

// Half its width, and its value at x.
double support_of(Filter filter) {
  return filter == Filter::triangle ? 1 : filter == Filter::cubic ? 2 : 3;
}
double value(Filter filter, double x) {
  x = std::abs(x);
  if (x >= support_of(filter)) return 0;
  switch (filter) {
    case Filter::triangle: return 1 - x;
    case Filter::cubic: {
      constexpr double a = -0.5;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return (((x - 5) * x + 8) * x - 4) * a;
    }
    case Filter::lanczos: return sinc(x) * sinc(x / 3);
  }
  return 0;
}

Weights weights_of(Filter kind, int from, int to) {
  const double scale = static_cast<double>(from) / to, widening = std::max(1.0, scale),
               support = support_of(kind) * widening;
  Weights filter;
  filter.widest = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  filter.weights.assign(static_cast<std::size_t>(to) * filter.widest, 0);
  std::vector<double> exact(filter.widest);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(centre - support + 0.5));
    const int high = std::min(from, static_cast<int>(centre + support + 0.5));
    double sum = 0;
    for (int at = low; at < high; ++at)
      sum += exact[at - low] = value(kind, (at - centre + 0.5) * (1 / widening));
    for (int at = low; at < high; ++at) {
      const double scaled = exact[at - low] / sum * (1 << weight_bits);
      filter.weights[static_cast<std::size_t>(i) * filter.widest +
                     static_cast<std::size_t>(at - low)] =
          static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
    }
    filter.first.push_back(low);
    filter.count.push_back(high - low);
  }
  return filter;
}

// One axis: `lines` runs of `from` samples, `step` bytes between samples and `line_step` between
// runs.
struct Axis {
  int lines, from, to;
  std::size_t in_step, in_line, out_step, out_line;
};

void filter_axis(const std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out,
                 const Axis& axis, Filter kind) {
  const Weights filter = weights_of(kind, axis.from, axis.to);
  for (int line = 0; line < axis.lines; ++line)
    for (int i = 0; i < axis.to; ++i) {
      const std::size_t at = i;
      const std::int64_t* weights = &filter.weights[at * filter.widest];
      const std::uint8_t* source = &in[static_cast<std::size_t>(line) * axis.in_line +
                                       static_cast<std::size_t>(filter.first[at]) * axis.in_step];
      std::uint8_t* target =
          &out[static_cast<std::size_t>(line) * axis.out_line + at * axis.out_step];
      for (int channel = 0; channel < 3; ++channel) {
        std::int64_t sum = std::int64_t{1} << (weight_bits - 1);
        for (int k = 0; k < filter.count[at]; ++k)
          sum += weights[k] * source[static_cast<std::size_t>(k) * axis.in_step +
                                     static_cast<std::size_t>(channel)];
        target[channel] =
            static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> weight_bits, 0, 255));
      }
    }
}

Image blank(int width, int height) {
  return {width, height,
          std::vector<std::uint8_t>(std::size_t{3} * static_cast<std::size_t>(width) *
                                    static_cast<std::size_t>(height))};
}

void check_target(int width, int height) {
  if (width <= 0 || height <= 0 || width > 1 << 14 || height > 1 << 14)
    throw Error(
        ErrorKind::invalid, "resize",
        "cannot make an image of " + std::to_string(width) + " x " + std::to_string(height));
}

}  // namespace

Image resize(const Image& image, int width, int height, Filter filter) {
  check_target(width, height);
  const auto row = [](int pixels) { return std::size_t{3} * static_cast<std::size_t>(pixels); };
  Image wide = image;
  if (width != image.width) {
    wide = blank(width, image.height);
    filter_axis(image.pixels, wide.pixels,
                {image.height, image.width, width, 3, row(image.width), 3, row(width)}, filter);
  }
  if (height == image.height) return wide;
  Image result = blank(width, height);
  filter_axis(wide.pixels, result.pixels,
              {width, image.height, height, row(width), 3, row(width), 3}, filter);
  return result;
}

Image crop(const Image& image, int left, int top, int width, int height) {
  const bool inside = left >= 0 && top >= 0 && width > 0 && height > 0 &&
                      width <= image.width - left && height <= image.height - top;
  if (!inside)
    throw Error(ErrorKind::invalid, "crop",
                std::to_string(width) + " x " + std::to_string(height) + " at " +
                    std::to_string(left) + ", " + std::to_string(top) + " is not inside " +
                    std::to_string(image.width) + " x " + std::to_string(image.height));
  Image result = blank(width, height);
  for (int y = 0; y < height; ++y)
    std::copy_n(image.pixels.begin() + (std::ptrdiff_t{y + top} * image.width + left) * 3,
                width * 3, result.pixels.begin() + std::ptrdiff_t{y} * width * 3);
  return result;
}

Image resize_and_crop(const Image& image, int width, int height) {
  check_target(width, height);
  const double scale = std::max(static_cast<double>(width) / image.width,
                                static_cast<double>(height) / image.height);
  const Image covering =
      resize(image, std::max(width, static_cast<int>(std::lround(image.width * scale))),
             std::max(height, static_cast<int>(std::lround(image.height * scale))));
  return crop(covering, (covering.width - width) / 2, (covering.height - height) / 2, width,
              height);
}

Tensor to_tensor(const Image& image, ImageLayout layout, const Normalization& normalization) {
  const std::int64_t pixels = std::int64_t{image.width} * image.height;
  Tensor tensor({DType::f32, layout == ImageLayout::nchw ? Shape{1, 3, image.height, image.width}
                                                         : Shape{1, image.height, image.width, 3}});
  const auto out = tensor.span<float>();
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < 3; ++c) {
      const double value =
          (image.pixels[i * 3 + c] / 255.0 - normalization.mean[c]) / normalization.std[c];
      out[layout == ImageLayout::nchw ? c * pixels + i : i * 3 + c] = static_cast<float>(value);
    }
  return tensor;
}

}  // namespace pliant
