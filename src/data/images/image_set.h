// Labelled images, wherever they come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/image.h"

namespace pliant::data {

struct LabelledImage {
  Image image;
  std::int64_t label = 0;  // a number of classes()
};

// at() may be called by several threads at once and gives the same image each time.
class ImageSet {
 public:
  virtual ~ImageSet() = default;
  virtual std::int64_t size() const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  // Throws Error{format} naming the image for one that cannot be read.
  virtual LabelledImage at(std::int64_t index) const = 0;
};

}  // namespace pliant::data
