// What a subnet becomes when one of its choices is made one place smaller or larger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/elasticvit/architecture.h"

namespace pliant::search {

struct Step {
  std::string choice;  // "resolution", "C1 width", "T0 MLP ratio"
  std::int64_t from = 0, to = 0;
  elasticvit::Architecture architecture;
};

// Every choice to its neighbours in the space's list of values, as far as no width falls then.
std::vector<Step> single_steps(const elasticvit::Space& space,
                               const elasticvit::Architecture& architecture);

}  // namespace pliant::search
