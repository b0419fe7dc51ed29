// A set of images in two parts, one to learn from and one to be judged by.
#pragma once

#include <cstdint>
#include <vector>

#include "data/images/image_set.h"

namespace pliant::data {

enum class ImagePart : std::uint8_t { training, held_out };

// Each image is held out by chance, with the probability `share`; which ones depends on the seed
// and on their numbers alone.
class Portion : public ImageSet {
 public:
  // `whole` must outlive this. Throws Error{invalid} for a share that is not in [0, 1).
  Portion(const ImageSet& whole, ImagePart part, double share, std::uint64_t seed);
  std::int64_t size() const override { return std::ssize(numbers_); }
  const std::vector<std::string>& classes() const override { return whole_.classes(); }
  LabelledImage at(std::int64_t index) const override {
    return whole_.at(numbers_[static_cast<std::size_t>(index)]);
  }

 private:
  const ImageSet& whole_;
  std::vector<std::int64_t> numbers_;
};

}  // namespace pliant::data
