// Runs the plan of a graph: in one process, or as client and server do.
#pragma once

#include <span>
#include <vector>

#include "core/pool.h"
#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/graph/plan.h"
#include "quant/store.h"

namespace pliant::encrypted {

// The gains of all Einsums with one encrypted operand whose others are made of weights and
// constants alone. Throws what evaluate() does.
Gains observe_gains(const Graph& graph, const WeightStore& weights,
                    const std::set<std::string>& secret, ThreadPool& pool);

// Throws Error{invalid} naming the graph's input for an element outside the range that was planned.
// `secret` in the order of plan.secret.
void require_in_range(const GraphPlan& plan, std::span<const TensorView> secret);

// What evaluate() of the einsum back ends takes: the plan's tensors, the secret ones of no elements
// but their shapes. Computed by the reference evaluator, in f64.
class PlainTensors {
 public:
  // `inputs` in the order of the graph's; of the secret ones nothing is read. Throws what
  // pliant::evaluate() does, Error{invalid} for weights of other gains than planned, and for
  // elements outside the range that was planned.
  PlainTensors(const GraphPlan& plan, const WeightStore& weights,
               std::span<const TensorView> inputs, ThreadPool& pool);
  std::span<const TensorView> views() const { return views_; }

 private:
  std::vector<Tensor> owned_;
  std::vector<TensorView> views_;
};

// All of it, the keys first. The bound holds if every value was in its range, and counts what
// approximations add. Throws Error{invalid} naming an input whose shape or elements are not as
// planned.
einsum::Decrypted run(const GraphPlan& plan, einsum::Backend& backend, const WeightStore& weights,
                      std::span<const TensorView> inputs, ThreadPool& pool);

}  // namespace pliant::encrypted
