// Subnets timed on the native machine of this computer, one image a run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/pool.h"
#include "quant/store.h"
#include "search/regression.h"

namespace pliant::search {

struct ProfileOptions {
  std::int64_t subnets = 120;  // whose FLOPs are spread evenly over their logarithm
  // Each subnet is timed in so many rounds, far apart, so that what else the computer does now and
  // then is not always at the same subnet.
  int rounds = 3;
  std::uint64_t seed = 1;
  // told how many of subnets * rounds are done; false: to end
  std::function<bool(std::int64_t done)> go_on = {};
};

// The least time of each: of the processor with one thread, else by the clock. Throws
// Error{cancelled} when told to end.
std::vector<Timed> profile(const elasticvit::Space& space, ThreadPool& pool,
                           const ProfileOptions& options);

}  // namespace pliant::search
