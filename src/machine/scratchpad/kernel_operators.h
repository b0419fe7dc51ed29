// The operators of a graph's problem, computed by the CPU machine's own kernels inside the arena.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "machine/native/native.h"
#include "machine/scratchpad/execute.h"
#include "plan/graph/graph_problem.h"
#include "quant/store.h"

namespace pliant::scratchpad {

// Weights and constants that the problem does not plan are read where the store holds them: they
// stream past the scratchpad. `graph`, `problem`, `weights` and `pool` must outlive this. Problem
// sizes must be the types' own (no elem_bytes). Throws Error{unsupported} naming an operator that
// has no kernel (Opaque), Error{invalid} for a kernel that wants more workspace than its operator
// declares.
class KernelOperators : public Operators {
 public:
  KernelOperators(const Graph& graph, const plan::GraphProblem& problem, const WeightStore& weights,
                  ThreadPool& pool, const native::Options& options = {},
                  std::int64_t rows = 0);  // rows to run; 0: all
  // Throws Error{unsupported} when an address is not a multiple of the element size.
  void run(plan::OperatorId op, std::span<const std::span<std::byte>> inputs,
           std::span<const std::span<std::byte>> outputs, std::span<std::byte> workspace) override;

  // Contents for execute(): graph inputs in the order of graph.inputs() (rows may be short),
  // weights from the store.
  Contents contents(std::span<const TensorView> inputs) const;

 private:
  struct Operand {
    TensorType type;
    std::int32_t span = -1;          // index into the operator's inputs or outputs; -1: unplanned
    std::int64_t offset = 0;         // bytes into it
    std::byte* unplanned = nullptr;  // weight or constant outside the scratchpad
  };
  struct Step {
    std::unique_ptr<native::Kernel> kernel;
    std::vector<Operand> in, out;
    std::string name;
  };
  Operand operand(ValueId value, const std::vector<plan::TensorId>& tensors) const;

  const Graph& graph_;
  const plan::GraphProblem& problem_;
  ThreadPool& pool_;
  std::int64_t rows_;
  std::vector<Tensor> decoded_;              // weights whose encoding is not plain
  ById<ValueId, std::byte*> value_bytes_;    // data of weights and constants
  ById<BufferId, std::byte*> buffer_bytes_;  // of unplanned buffers
  std::vector<Step> steps_;                  // per operator of the problem
};

}  // namespace pliant::scratchpad
