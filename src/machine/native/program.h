// A graph prepared for the CPU: steps over buffers whose places are known, so that a run allocates
// nothing.
#pragma once

#include "machine/native/group_kernel.h"
#include "machine/native/ops/shared_weights.h"

namespace pliant::native {

class Program : public pliant::Program {
 public:
  Program(std::shared_ptr<const Graph> graph, Folded folded, const Options& options,
          SharedWeights& shared);
  const Graph& graph() const override { return *graph_; }
  Need need() const override { return {table_offset_ + table_bytes()}; }
  // Throws Error{invalid} if the graph's Attentions have cache layers.
  void run(const Bindings& bindings, Workspace& workspace) const override;
  // Appends the rows to the sequences of `cache` that their seq names; what they add was reserved.
  // Throws Error{invalid} before anything is written; then as above.
  void run(const Bindings& bindings, Workspace& workspace, kv::Cache& cache) const;

 private:
  // Where a buffer's bytes are: in the arena, in what is bound for an input or output, or fixed
  // (weights, constants).
  struct BufferLocation {
    enum class Kind : std::uint8_t { none, arena, input, output, fixed } kind = Kind::none;
    std::int64_t at = 0;  // arena: offset; input, output: slot
    Stored fixed{};
  };
  struct StepInput {
    Place place;
    const std::byte* fixed = nullptr;  // what the step's kernel reads for a weight or constant
  };
  struct Step {
    GroupKernel kernel;
    std::int32_t group;
    OpId op;  // its last
    std::vector<StepInput> inputs;
    std::vector<Place> outputs;
    std::int64_t workspace = 0;  // offset in the arena
  };
  struct CachedLayer {  // of an Attention: which inputs are its seq and pos
    int layer;
    std::size_t seq, pos;
  };
  struct Copy {  // an output that no kernel can write in place
    std::size_t output;
    Place from;
    PlainWeight fixed;  // an output that is a weight or constant
  };

  void bind_leaves();
  void bind_outputs(SharedWeights& shared);
  void make_steps(const std::vector<Group>& groups, const Options& options, SharedWeights& shared);
  void fix_inputs(Step& step, SharedWeights& shared) const;
  void place_arena();
  std::int64_t table_bytes() const;
  void find_cached();
  void check(const Bindings& bindings, const Workspace& workspace) const;
  void check_cache(const Bindings& bindings, kv::Cache& cache) const;
  void run_steps(const Bindings& bindings, Workspace& workspace, kv::Cache* cache) const;
  void check_views(std::string_view what, std::span<const TensorView> views,
                   const std::vector<ValueId>& ids, std::int64_t rows) const;
  std::int64_t bytes_now(ValueId id, std::int64_t rows) const;

  std::shared_ptr<const Graph> graph_;  // as given
  Folded folded_;                       // what runs
  Storage storage_;
  ById<BufferId, BufferLocation> locations_;
  std::vector<Step> steps_;
  std::vector<Copy> copies_;
  std::vector<CachedLayer> cached_;
  std::vector<kv::CacheLayer> cache_layers_;
  // in the arena: base addresses of buffers, then operands of the step that runs
  std::int64_t table_offset_ = 0;
  std::size_t most_operands_ = 0;
};

}  // namespace pliant::native
