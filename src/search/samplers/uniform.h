// Samplers that look at no cost.
#pragma once

#include <cstdint>

#include "search/samplers/step_sampler.h"
#include "search/windows.h"

namespace pliant::search {

struct UniformOptions {
  int random = 3;
  // Also the largest subnet, that the others may learn from (sandwich rule; arXiv 1903.05134).
  bool largest = false;
  std::int64_t bins = 1 << 16;  // as in Windows; draws do not depend on it
  std::uint64_t seed = 1;
};

// So many random subnets, each of the space as likely as any other, and the smallest one.
class UniformSampler : public StepSampler {
 public:
  // `space` must outlive this. Throws Error{invalid} for a negative number of subnets.
  UniformSampler(const elasticvit::Space& space, const UniformOptions& options);
  std::vector<Drawn> next() override;
  void told(std::span<const double> scores) override;
  std::string state() const override;
  void restore(std::string_view json, std::string_view place) override;

 private:
  const elasticvit::Space& space_;
  UniformOptions options_;
  Flops flops_;
  Windows windows_;
  Window all_;
  std::int64_t step_ = 0;
};

}  // namespace pliant::search
