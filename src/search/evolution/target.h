// What a subnet may cost: one file for everybody who asks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "search/sampler.h"

namespace pliant::search {

struct Bound {
  std::string name;  // "flops", "parameters", or a phone
  bool latency = false;
  double low = 0, high = 0;  // both included
};

// {"flops": 150e6, "parameters": [0, 8e6], "latency_ms": {"pixel6": 20}}: a number is the most, two
// are from and to. Throws Error{format} naming the field.
std::vector<Bound> bounds_from_json(std::string_view text, std::string_view place);

// By how much a subnet misses constraints, as shares of the nearer end, summed; 0: it meets all.
double excess(const std::vector<Constraint>& constraints,
              const elasticvit::Architecture& architecture);

// A subnet that no change of one choice brings nearer to the constraints, the best of what some
// beginnings lead to; exact where one cost alone is bounded from above.
elasticvit::Architecture nearest(const elasticvit::Space& space,
                                 const std::vector<Constraint>& constraints, Rng& rng);

}  // namespace pliant::search
