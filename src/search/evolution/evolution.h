// Evolution under constraints (ElasticViT, arXiv 2303.09730, and its published code: the best are
// kept, mutated and crossed, all within the constraints).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "search/evolution/accuracy.h"
#include "search/evolution/changes.h"
#include "search/sampler.h"

namespace pliant::search {

struct EvolutionOptions {
  std::int64_t begin = 64;  // subnets that are drawn first, uniform over what meets the constraints
  std::int64_t generations = 10;
  std::int64_t parents = 16;                  // the best so far
  std::int64_t mutations = 8, crossings = 8;  // of a generation
  // Of so many children the one that is predicted to be the best is evaluated, once `screen_from`
  // subnets were (accuracy.h); 1: no predictor
  std::int64_t screen = 1, screen_from = 50;
  MutationOptions mutation = {};
  std::uint64_t seed = 1;
  std::int64_t evaluations() const { return begin + generations * (mutations + crossings); }
};

// Subnets in the order in which they were evaluated, none twice. It depends on the options and the
// values alone: with the values of an earlier run it goes the same way again, which is how a search
// goes on. Ends early when `value` has no answer. Throws Error{not_found} where draws find nothing
// that meets the constraints.
std::vector<Evaluated> evolve(
    const elasticvit::Space& space, const std::vector<Constraint>& constraints,
    const EvolutionOptions& options,
    const std::function<std::optional<double>(const elasticvit::Architecture&)>& value);

// Numbers of those that none is better than in value without costing more, by rising cost.
std::vector<std::size_t> pareto_front(const std::vector<Evaluated>& evaluated,
                                      const Predictor& cost);

}  // namespace pliant::search
