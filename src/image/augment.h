// Pictures as training sees them: another part, mirrored, turned, in other colours.
#pragma once

#include "core/rng.h"
#include "image/image.h"

namespace pliant {

struct AugmentOptions {
  int side = 224;            // of the result, pixels
  double least_area = 0.08;  // of the part that is cut out; 1: the whole picture
  bool mirror = true;        // half of them, left and right
  int operations = 1;        // of RandAugment (arXiv 1909.13719), any of those below each time
  double strength = 1;       // of them, 0 to 10
};

// Deterministic in the picture, the options and the state of `rng`. Operations: turn, shear and
// shift both ways, brightness, contrast, saturation, posterize, solarize, stretched contrast.
// Throws Error{invalid} for options out of range.
Image augment(const Image& image, const AugmentOptions& options, Rng& rng);

}  // namespace pliant
