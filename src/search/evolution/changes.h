// Subnets made of others.
#pragma once

#include <vector>

#include "core/rng.h"
#include "models/elasticvit/architecture.h"

namespace pliant::search {

// All of the space that differ in one choice: the resolution, or a stage's width, depth or inner
// choice.
std::vector<elasticvit::Architecture> neighbours(const elasticvit::Space& space,
                                                 const elasticvit::Architecture& architecture);

struct MutationOptions {
  double field = 0.2, depth = 0.4;  // how likely each choice is made anew (published code)
};
// Each choice is kept or drawn anew, all values alike; widths may then fall, which check() refuses.
elasticvit::Architecture mutated(const elasticvit::Space& space,
                                 const elasticvit::Architecture& parent,
                                 const MutationOptions& options, Rng& rng);
// Each choice is that of one parent or the other, a stage's inner choice as a whole.
elasticvit::Architecture crossed(const elasticvit::Architecture& one,
                                 const elasticvit::Architecture& other, Rng& rng);

bool is_legal(const elasticvit::Architecture& architecture);  // no width falls

}  // namespace pliant::search
