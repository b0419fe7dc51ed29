#include "data/images/portion.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/rng.h"

namespace pliant::data {

Portion::Portion(const ImageSet& whole, ImagePart part, double share, std::uint64_t seed)
    : whole_(whole) {
  if (!(share >= 0 && share < 1))
    throw Error(ErrorKind::invalid, "held_out", fmt::format("{} is no share below 1", share));
  Rng rng(hash64("held out", seed));
  for (std::int64_t i = 0; i < whole.size(); ++i)
    if ((rng.uniform() < share) == (part == ImagePart::held_out)) numbers_.push_back(i);
}

}  // namespace pliant::data
