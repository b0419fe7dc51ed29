#include "image/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "core/error.h"
#include "image/byte.h"

namespace pliant {
namespace {

void check(const AugmentOptions& options) {
  const auto refuse = [](const char* field, const std::string& problem) {
    throw Error(ErrorKind::invalid, std::string("augment: ") + field, problem);
  };
  if (options.side <= 0) refuse("side", "is " + std::to_string(options.side));
  if (!(options.least_area > 0 && options.least_area <= 1))
    refuse("least_area", std::to_string(options.least_area) + " is no share");
  if (options.operations < 0) refuse("operations", "are " + std::to_string(options.operations));
  if (!(options.strength >= 0 && options.strength <= 10))
    refuse("strength", std::to_string(options.strength) + " is not 0 to 10");
}

// A part of some share of the area, 3:4 to 4:3, or, if none of ten fits, the whole.
Image any_part(const Image& image, double least_area, Rng& rng) {
  if (least_area == 1) return image;
  const double area = static_cast<double>(image.width) * image.height;
  for (int i = 0; i < 10; ++i) {
    const double wanted = area * (least_area + (1 - least_area) * rng.uniform());
    const double ratio = std::exp((2 * rng.uniform() - 1) * std::log(4.0 / 3));
    const auto width = static_cast<int>(std::lround(std::sqrt(wanted * ratio))),
               height = static_cast<int>(std::lround(std::sqrt(wanted / ratio)));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const auto left = static_cast<int>(rng.below(image.width - width + 1)),
               top = static_cast<int>(rng.below(image.height - height + 1));
    return crop(image, left, top, width, height);
  }
  return image;
}

void mirror(Image& image) {
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width / 2; ++x)
      std::swap_ranges(
          image.pixels.begin() + (std::ptrdiff_t{y} * image.width + x) * 3,
          image.pixels.begin() + (std::ptrdiff_t{y} * image.width + x) * 3 + 3,
          image.pixels.begin() + (std::ptrdiff_t{y} * image.width + image.width - 1 - x) * 3);
}

// Of the result's pixel, measured from the middle, the source's.
struct Affine {
  double xx = 1, xy = 0, yx = 0, yy = 1, x = 0, y = 0;
};

constexpr double grey = 128;  // what lies outside

double sample(const Image& image, double x, double y, int channel) {
  const double left = std::floor(x), top = std::floor(y);
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    const double at_x = left + i % 2, at_y = top + i / 2;
    const double weight = (1 - std::abs(x - at_x)) * (1 - std::abs(y - at_y));
    const bool inside = at_x >= 0 && at_y >= 0 && at_x < image.width && at_y < image.height;
    const double value = inside ? image.pixels[(static_cast<std::size_t>(at_y) * image.width +
                                                static_cast<std::size_t>(at_x)) *
                                                   3 +
                                               channel]
                                : grey;
    sum += weight * value;
  }
  return sum;
}

Image moved(const Image& image, const Affine& affine) {
  Image result = image;
  const double middle_x = (image.width - 1) / 2.0, middle_y = (image.height - 1) / 2.0;
  auto out = result.pixels.begin();
  for (int row = 0; row < image.height; ++row)
    for (int column = 0; column < image.width; ++column) {
      const double x = column - middle_x, y = row - middle_y;
      const double from_x = affine.xx * x + affine.xy * y + affine.x + middle_x,
                   from_y = affine.yx * x + affine.yy * y + affine.y + middle_y;
      for (int channel = 0; channel < 3; ++channel)
        *out++ = to_byte(sample(image, from_x, from_y, channel));
    }
  return result;
}

double luminance(const std::uint8_t* pixel) {
  return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

template <typename Function>
void each_value(Image& image, Function&& function) {
  for (std::uint8_t& each : image.pixels) each = to_byte(function(each));
}

void contrast(Image& image, double factor) {
  double sum = 0;
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) sum += luminance(&image.pixels[at]);
  const double mean = 3 * sum / static_cast<double>(image.pixels.size());
  each_value(image, [&](double value) { return mean + factor * (value - mean); });
}

void saturation(Image& image, double factor) {
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
    const double light = luminance(&image.pixels[at]);
    for (std::size_t c = at; c < at + 3; ++c)
      image.pixels[c] = to_byte(light + factor * (image.pixels[c] - light));
  }
}

void stretch(Image& image) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::uint8_t least = 255, most = 0;
    for (std::size_t at = channel; at < image.pixels.size(); at += 3) {
      least = std::min(least, image.pixels[at]);
      most = std::max(most, image.pixels[at]);
    }
    if (least >= most) continue;
    for (std::size_t at = channel; at < image.pixels.size(); at += 3)
      image.pixels[at] = to_byte(255.0 * (image.pixels[at] - least) / (most - least));
  }
}

// `share`: of the most there is, 0 to 1.
Image operated(Image image, double share, Rng& rng) {
  enum {
    turn,
    shear_x,
    shear_y,
    shift_x,
    shift_y,
    brighter,
    more_contrast,
    more_colour,
    fewer_bits,
    solarize,
    stretched,
    operations
  };
  const std::int64_t operation = rng.below(operations);
  const double sign = rng.below(2) == 0 ? -1 : 1, amount = sign * share;
  switch (operation) {
    case turn: {
      const double angle = amount * std::numbers::pi / 6;
      return moved(image, {std::cos(angle), std::sin(angle), -std::sin(angle), std::cos(angle)});
    }
    case shear_x: return moved(image, {.xy = 0.3 * amount});
    case shear_y: return moved(image, {.yx = 0.3 * amount});
    case shift_x: return moved(image, {.x = 0.45 * amount * image.width});
    case shift_y: return moved(image, {.y = 0.45 * amount * image.height});
    case brighter:
      each_value(image, [&](double value) { return value * (1 + 0.9 * amount); });
      break;
    case more_contrast: contrast(image, 1 + 0.9 * amount); break;
    case more_colour: saturation(image, 1 + 0.9 * amount); break;
    case fewer_bits: {
      const int gone = static_cast<int>(std::lround(4 * share));
      for (std::uint8_t& each : image.pixels)
        each = static_cast<std::uint8_t>(each >> gone << gone);
      break;
    }
    case solarize:
      each_value(image,
                 [&](double value) { return value >= 256 * (1 - share) ? 255 - value : value; });
      break;
    default: stretch(image);
  }
  return image;
}

}  // namespace

Image augment(const Image& image, const AugmentOptions& options, Rng& rng) {
  check(options);
  Image result = resize(any_part(image, options.least_area, rng), options.side, options.side);
  if (options.mirror && rng.below(2) == 1) mirror(result);
  for (int i = 0; i < options.operations; ++i)
    result = operated(std::move(result), options.strength / 10, rng);
  return result;
}

}  // namespace pliant
