// What is mixed and erased in batches of images, after they are tensors.
#pragma once

#include "core/rng.h"
#include "core/tensor.h"

namespace pliant::data {

struct MixOptions {
  // Shares of the first image of a pair are drawn from Beta(a, a), 0 < a <= 1; 0: never. With both,
  // each batch is mixed in one of the two ways, each as likely.
  double mixup = 0;   // all of both images (arXiv 1710.09412)
  double cutmix = 0;  // a box of one in the other (arXiv 1905.04899)
};

// images f32 [batch, 3, side, side], targets f32 [batch, classes]: image i and image batch - 1 - i,
// targets in the same shares. Throws Error{invalid} for options out of range.
void mix(const TensorView& images, const TensorView& targets, const MixOptions& options, Rng& rng);

// In each image, with this probability, a box of 2 % to 33 % of it becomes normal noise (random
// erasing, arXiv 1708.04896). Throws Error{invalid} for what is no probability.
void erase(const TensorView& images, double probability, Rng& rng);

}  // namespace pliant::data
