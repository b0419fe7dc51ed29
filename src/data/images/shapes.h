// Drawn shapes: a set of images without files, as large as one wants, whose every image depends on
// the seed and its number alone.
#pragma once

#include <cstdint>

#include "data/images/image_set.h"

namespace pliant::data {

struct ShapesOptions {
  std::int64_t count = 0;
  int side = 48;           // pixels, 16 to 256
  std::uint64_t seed = 1;  // of training and test sets: two
  double noise = 0.08;     // deviation of every pixel's channels, in units of the full range
};

// 16 classes, in turn: image i shows class i % 16 somewhere, turned, scaled, in one colour on
// another, before a slope of light and between two patches that are no shape.
class Shapes : public ImageSet {
 public:
  explicit Shapes(const ShapesOptions& options);  // throws Error{invalid} for what is out of range
  std::int64_t size() const override { return options_.count; }
  const std::vector<std::string>& classes() const override;
  LabelledImage at(std::int64_t index) const override;

 private:
  ShapesOptions options_;
};

}  // namespace pliant::data
