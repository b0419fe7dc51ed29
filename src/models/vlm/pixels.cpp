#include "models/vlm/pixels.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant {
namespace {

struct Size {
  std::int64_t width, height;
};

constexpr std::int64_t most_frames = 1024, longest_of_all = 4096, most = 1 << 14;

Image resized(const Image& image, const Size& size, Filter filter) {
  if (size.width > most || size.height > most)
    throw Error(ErrorKind::invalid, "image",
                fmt::format("{} x {} would become {} x {} pixels, at most {} a side are read",
                            image.width, image.height, size.width, size.height, most),
                "cut the picture: it is too long for its width");
  return resize(image, static_cast<int>(size.width), static_cast<int>(size.height), filter);
}

Image cropped(const Image& image, std::int64_t left, std::int64_t top, std::int64_t side) {
  return crop(image, static_cast<int>(left), static_cast<int>(top), static_cast<int>(side),
              static_cast<int>(side));
}

std::int64_t rounded_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// What Python's int(a / (b / c)) is: in doubles, then cut off.
std::int64_t by_ratio(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<double>(a) /
                                   (static_cast<double>(b) / static_cast<double>(c)));
}
std::int64_t times_ratio(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<double>(a) *
                                   (static_cast<double>(b) / static_cast<double>(c)));
}

// The longer side to `longest`, the other, in proportion, to an even number.
Size to_longest(const Size& from, std::int64_t longest) {
  Size size = from;
  if (from.width >= from.height) {
    size.width = longest;
    size.height = by_ratio(longest, from.width, from.height);
    size.height += size.height % 2;
  } else {
    size.height = longest;
    size.width = times_ratio(longest, from.width, from.height);
    size.width += size.width % 2;
  }
  return {std::max<std::int64_t>(size.width, 1), std::max<std::int64_t>(size.height, 1)};
}

Size below_most(const Size& from) {
  Size size = from;
  if (from.width >= from.height && from.width > longest_of_all) {
    size.width = longest_of_all;
    size.height = by_ratio(longest_of_all, from.width, from.height);
  } else if (from.height > from.width && from.height > longest_of_all) {
    size.height = longest_of_all;
    size.width = times_ratio(longest_of_all, from.width, from.height);
  }
  return {std::max<std::int64_t>(size.width, 1), std::max<std::int64_t>(size.height, 1)};
}

Size to_multiples(const Size& from, std::int64_t side) {
  Size size = from;
  if (from.width >= from.height) {
    size.width = rounded_up(from.width, side);
    size.height = rounded_up(by_ratio(size.width, from.width, from.height), side);
  } else {
    size.height = rounded_up(from.height, side);
    size.width = rounded_up(times_ratio(size.height, from.width, from.height), side);
  }
  return {std::max(size.width, side), std::max(size.height, side)};
}

Image clip_square(const Image& image, const PixelOptions& options) {
  const std::int64_t shorter = std::min(image.width, image.height),
                     longer = std::max(image.width, image.height),
                     to = options.shortest * longer / shorter;
  const Size size =
      image.width <= image.height ? Size{options.shortest, to} : Size{to, options.shortest};
  const Image whole = resized(image, size, options.filter);
  return cropped(whole, (size.width - options.side) / 2, (size.height - options.side) / 2,
                 options.side);
}

void check(const Image& image, const PixelOptions& options) {
  const auto refuse = [](std::string problem) {
    throw Error(ErrorKind::invalid, "image", std::move(problem));
  };
  if (image.width < 1 || image.height < 1)
    refuse(fmt::format("has {} x {} pixels", image.width, image.height));
  for (const std::int64_t size : {options.side, options.shortest, options.longest})
    if (size > most) refuse(fmt::format("resized to {} pixels, at most {} are read", size, most));
  if (options.side < 1) refuse(fmt::format("read with {} pixels a side", options.side));
  if (options.shortest > 0 && options.shortest < options.side)
    refuse(
        fmt::format("resized to {} pixels, of which {} are read", options.shortest, options.side));
  if (options.shortest < 1 && options.longest < 1) refuse("resized to nothing");
}

}  // namespace

Pixels pixels(const Image& image, const PixelOptions& options) {
  check(image, options);
  Pixels result;
  const auto add = [&](const Image& frame) {
    result.frames.push_back(to_tensor(frame, ImageLayout::nchw, options.normalization));
  };
  if (options.shortest > 0) {
    add(clip_square(image, options));
    return result;
  }
  const Size longest = below_most(to_longest({image.width, image.height}, options.longest)),
             square{options.side, options.side};
  const Size size = options.split ? to_multiples(longest, options.side) : longest;
  const std::int64_t rows = size.height / options.side, columns = size.width / options.side;
  if (options.split && rows * columns >= most_frames)
    throw Error(ErrorKind::capacity, "image",
                fmt::format("{} x {} frames, fewer than {} are read", columns, rows, most_frames));
  const Image whole = resized(resized(image, longest, options.filter), size, options.filter);
  if (options.split && rows * columns > 1) {
    result.rows = static_cast<int>(rows);
    result.columns = static_cast<int>(columns);
    for (std::int64_t i = 0; i < rows * columns; ++i)
      add(cropped(whole, i % columns * options.side, i / columns * options.side, options.side));
  }
  add(resized(whole, square, options.filter));
  return result;
}

}  // namespace pliant
