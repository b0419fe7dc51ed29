// Which parameters of a supernet are updated how.
#pragma once

#include <vector>

#include "machine/torch/learner.h"
#include "models/elasticvit/space.h"

namespace pliant::search {

// Two groups with the numbers of `like`. The first one decays: what attention and FFNs multiply by,
// and the head's matrices. The second does not: all of the convolutional parts, reductions
// included, norms, biases and position biases.
std::vector<aten::Group> supernet_groups(const elasticvit::Space& space, const aten::Group& like);

}  // namespace pliant::search
