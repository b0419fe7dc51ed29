// The CPU: SIMD kernels, fused groups, activations in one planned arena.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "graph/passes/passes.h"
#include "machine/machine.h"
#include "machine/native/ops/options.h"

namespace pliant::native {

// A group compiled for its shapes. Immutable; needs no memory but its operands, `workspace` bytes
// and a fixed stack (at most 256 KiB per thread). A result does not depend on threads or addresses.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::int64_t workspace() const = 0;  // bytes
  // `inputs` as group_inputs(), `outputs` as group_outputs(); rows: rows to run, 0 for all.
  virtual void run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                   std::byte* workspace, ThreadPool& pool, std::int64_t rows = 0) const = 0;
};

// Winograd's transforms are for programs: a kernel made alone does not know its weights beforehand
// and sums directly. Throws Error{unsupported} for Opaque, and for types the CPU kernels lack,
// naming the operator.
std::unique_ptr<Kernel> make_kernel(const Graph& graph, const Group& group,
                                    const Options& options = {});

bool uses_cache(const Op& op);  // an Attention with a cache layer: runs with a kv::Cache only

class Program;

// What the CPU kernels cannot run; operators on weights and constants alone are folded before they
// see them.
std::vector<Refusal> refusals(const Graph& graph);

class Machine : public pliant::Machine {
 public:
  // `pool` serves folding; it must outlive the machine
  explicit Machine(ThreadPool& pool, Options options = {});
  ~Machine() override;
  std::vector<Refusal> refuses(const Graph& graph) const override;
  std::unique_ptr<pliant::Program> prepare(std::shared_ptr<const Graph> graph,
                                           std::shared_ptr<const WeightStore> weights) override;
  // As prepare(); the Program (program.h) can also run with a cache.
  std::unique_ptr<Program> compile(std::shared_ptr<const Graph> graph,
                                   std::shared_ptr<const WeightStore> weights);

  // bytes of decoded and folded weights, which all programs of this machine share
  std::int64_t weight_copies() const;

 private:
  ThreadPool& pool_;
  Options options_;
  std::unique_ptr<class SharedWeights> shared_;
};

}  // namespace pliant::native
