// The reference evaluator: every kind, f64 accumulation, plain blocked loops. The oracle all
// machines must agree with.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

struct EvaluateOptions {
  // rows to run (<= graph.rows()); 0: all. Row inputs and outputs then have this axis-0 size.
  std::int64_t rows = 0;
  // called with every value right after it is computed
  std::function<void(ValueId, const TensorView&)> observe;
};

// Throws Error{not_found} for a weight that the store lacks and Error{invalid} for one of another
// type.
void check_weights(const Graph& graph, const WeightStore& weights);

// `inputs` in the order of graph.inputs(); types must match (rows may be short). Returns the
// outputs in order. Values are freed after their last use. Throws Error{invalid} for mismatched
// inputs, rows or an index out of range, Error{unsupported} for Opaque, and as check_weights().
std::vector<Tensor> evaluate(const Graph& graph, const WeightStore& weights,
                             std::span<const TensorView> inputs, ThreadPool& pool,
                             const EvaluateOptions& options = {});

// One operator, results preallocated by the caller with the types of result_types().
void evaluate(const Op& op, std::span<const TensorView> operands,
              std::span<const TensorView> results, ThreadPool& pool);

}  // namespace pliant
