// The best subnets of a level that were found so far, and a rule that says which new ones are worth
// a try (ElasticViT, arXiv 2303.09730, performance-aware sampling).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/rng.h"
#include "models/elasticvit/architecture.h"

namespace pliant::search {

struct Scored {
  elasticvit::Architecture architecture;
  double score = 0;  // higher is better: minus the cross-entropy of one batch
};

class Bank {
 public:
  explicit Bank(std::size_t capacity);  // throws Error{invalid} for 0

  std::size_t capacity() const { return capacity_; }
  const std::vector<Scored>& entries() const { return entries_; }
  // Takes the place of the worst one if the bank is full and that is worse. A subnet that is there
  // already has its newest score. Throws Error{invalid} for a score that is not finite.
  void offer(const elasticvit::Architecture& architecture, double score);
  // New scores of all, in their order. Throws Error{invalid} for another number of them, and as
  // offer().
  void rescore(std::span<const double> scores);
  // None may be empty.
  const Scored& best() const;
  // In proportion to exp(score).
  const elasticvit::Architecture& draw(Rng& rng) const;

 private:
  std::size_t capacity_;
  std::vector<Scored> entries_;
};

// FLOPs of the candidate with the anchor's transformer widths, less those with the anchor's
// transformer depths. The lower, the more of what it costs lies in width rather than depth, which
// is preferred.
double depth_over_width(const elasticvit::Space& space, const elasticvit::Architecture& candidate,
                        const elasticvit::Architecture& anchor);

}  // namespace pliant::search
