#include "plan/bound/precedence.h"

namespace pliant::plan {

std::vector<Bitset> find_ancestors(const Problem& problem) {
  const std::size_t count = problem.operators.size();
  std::vector<Bitset> ancestors(count, Bitset(words_for(count), 0));
  std::vector<OperatorId> producer(problem.tensors.size(), -1);
  for (std::size_t op = 0; op < count; ++op) {
    for (const TensorId t : problem.operators[op].inputs) {
      const OperatorId before = producer[t];
      if (before < 0) continue;
      put(ancestors[op], before);
      for (std::size_t w = 0; w < ancestors[op].size(); ++w)
        ancestors[op][w] |= ancestors[before][w];
    }
    for (const TensorId t : problem.operators[op].outputs) producer[t] = op;
  }
  return ancestors;
}

}  // namespace pliant::plan
