// A group compiled: what make_kernel() gives, with a door that takes bare pointers and never
// allocates.
#pragma once

#include <optional>

#include "graph/passes/patterns.h"
#include "machine/native/native.h"
#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

class GroupKernel : public Kernel {
 public:
  // `weights` tells how the graph's weights are encoded; without it they are unknown. Throws
  // Error{unsupported}.
  GroupKernel(const Graph& graph, const Group& group, const Options& options,
              const WeightStore* weights = nullptr);

  std::int64_t workspace() const override { return assembled_bytes_ + anchor_->workspace(); }
  // Before any run: `input` of the group will always be this weight or constant. Returns the bytes
  // that run() is to be given for it, which live as long as the kernel and the weight.
  const std::byte* fix(std::size_t input, const Stored& weight, SharedWeights& shared);
  void run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
           std::byte* workspace, ThreadPool& pool, std::int64_t rows) const override;
  // Not for groups that put rows together.
  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
           std::byte* workspace, ThreadPool& pool, std::int64_t rows,
           kv::Cache* cache = nullptr) const;

 private:
  void compile_single(const OperatorContext& context, const Graph& graph, const Op& op,
                      const std::vector<ValueId>& inputs);
  void compile_maps(const Graph& graph, const GroupPattern& pattern,
                    const std::vector<ValueId>& inputs, const Options& options);
  void compile_anchored(OperatorContext context, const Graph& graph, const GroupPattern& pattern,
                        const std::vector<ValueId>& inputs);

  void compile_assembly(const Graph& graph, const GroupPattern& pattern,
                        const std::vector<ValueId>& inputs);

  struct RowCopy {
    std::size_t input = 0;
    std::unique_ptr<OperatorKernel> copy;
  };

  std::unique_ptr<OperatorKernel> anchor_;
  std::vector<RowCopy> assembly_;  // into the workspace, where the anchor finds its operand 0
  std::int64_t assembled_bytes_ = 0;
  std::vector<std::size_t> operands_;  // of the anchor: indices into the group's inputs
  std::optional<Epilogue> epilogue_;
  std::int64_t elements_ = 0, capacity_ = 0;
  bool rows_out_ = false;
};

// Why the CPU kernels cannot run an operator; nothing if they can.
std::optional<std::string> refusal(const Graph& graph, const Op& op);

}  // namespace pliant::native
