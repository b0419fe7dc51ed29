// The modelled accelerator: a graph is planned for a scratchpad of M bytes and runs in an arena of
// exactly that size.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "machine/machine.h"
#include "machine/native/native.h"
#include "machine/scratchpad/execute.h"
#include "plan/format/plan.h"
#include "plan/graph/graph_problem.h"
#include "plan/solve.h"

namespace pliant::scratchpad {

struct ExecuteOptions {
  // 0: the least that needs no traffic, as far as the planner knows it
  std::int64_t scratchpad_bytes = 0;
  bool weights = false;  // weights pass through the scratchpad too
  bool fuse = true;
  bool halo = false;              // the graph is one that tile() made
  bool zero_copy_concat = false;  // Concats copy nothing where they need not
  bool in_place = false;          // results are written over inputs where that is permitted
  plan::SolveOptions solve;
  native::Options native;
};

// A proving tool: its run() plans nothing but allocates the arena and the off-chip store anew each
// time.
class Program : public pliant::Program {
 public:
  virtual const plan::GraphProblem& problem() const = 0;
  virtual const plan::Plan& plan() const = 0;
  // The inputs as run() takes them; rows: rows to run, 0 for all.
  virtual Execution execute(std::span<const TensorView> inputs, ThreadPool& pool,
                            std::int64_t rows = 0) const = 0;
};

class Machine : public pliant::Machine {
 public:
  // `pool` serves planning and folding; it must outlive the machine
  Machine(ThreadPool& pool, ExecuteOptions options = {});
  std::vector<Refusal> refuses(const Graph& graph) const override;
  // Throws Error{capacity} naming the operator that does not fit.
  std::unique_ptr<pliant::Program> prepare(std::shared_ptr<const Graph> graph,
                                           std::shared_ptr<const WeightStore> weights) override;

 private:
  ThreadPool& pool_;
  ExecuteOptions options_;
};

}  // namespace pliant::scratchpad
