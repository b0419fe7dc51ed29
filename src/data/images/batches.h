// Batches of images for training, each a function of its number: nothing is to be remembered when a
// run goes on.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "data/images/image_set.h"
#include "data/images/mix.h"
#include "image/augment.h"

namespace pliant::data {

// A row for each label, f32 [R, classes]: 1 - smoothing, and smoothing shared by all classes.
// Throws Error{invalid} for a label out of range and a smoothing outside [0, 1).
Tensor distributions_of(std::span<const std::int64_t> labels, std::int64_t classes,
                        double smoothing);

struct ImageBatchOptions {
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
  AugmentOptions augment;
  Normalization normalization;
  double smoothing = 0.1;
  MixOptions mix;
  double erase = 0;  // probability
};

struct ImageTensors {
  Tensor images;   // f32 [batch, 3, side, side]
  Tensor targets;  // f32 [batch, classes], each row a distribution
};

class ImageBatches {
 public:
  // `images` must outlive this. Throws Error{invalid} for fewer images than a batch has.
  ImageBatches(const ImageSet& images, const ImageBatchOptions& options);
  // Batches of one pass over all images, each time in another order; what is left over is left out.
  std::int64_t per_epoch() const { return images_.size() / options_.batch; }
  // Throws as ImageSet::at(), augment(), mix() and erase().
  ImageTensors training(std::int64_t step) const;
  // The same images resized alone, with plain labels: what subnets are scored on.
  ImageTensors plain(std::int64_t step) const;

 private:
  std::int64_t index(std::int64_t step, std::int64_t place) const;
  template <typename Prepare>
  ImageTensors gathered(std::int64_t step, double smoothing, Prepare&& prepare) const;

  const ImageSet& images_;
  ImageBatchOptions options_;
};

}  // namespace pliant::data
