// Attention of many rows of one sequence over a cache: several pages at a time are brought into
// order once, and all rows of a tile and all query heads of a KV head meet them. No matrix of all
// scores exists. What a block of pages adds to a row depends on its entries alone, so results do
// not depend on how prompts were cut, on neighbours or on threads.
#pragma once

#include "core/checked.h"
#include "machine/native/encoded/encoded.h"
#include "machine/native/ops/operator_kernel.h"
#include "machine/native/ops/seen.h"

namespace pliant::native {

class AttentionTile {
 public:
  static constexpr std::int64_t rows = kv::Observed::tile_rows;  // at most

  struct Sizes {
    std::int64_t heads = 1, key_heads = 1, width = 1, value_width = 1, positions = 0;
  };
  AttentionTile(const kind::Attention& kind, const Sizes& sizes, Isa isa);
  // whether a block of pages fits on the stack
  static bool fits(const Sizes& sizes) { return widest(sizes) <= block_floats / kv::page_entries; }

  // Rows [first, last), at most `rows`, which all have sequence `seq`, for one KV head. Calls
  // finish() for each.
  void attend(const KernelCall& call, std::int64_t first, std::int64_t last, std::int64_t key_head,
              int worker) const;
  // Adds what these rows gave the entries, if their Editor observes them: the rows of a sequence
  // one call after another.
  void observe(const KernelCall& call, std::int64_t first, std::int64_t last,
               std::int64_t key_head) const;

 private:
  static constexpr std::int64_t block_floats = 16384, most_entries = 128,
                                most_heads = kv::Observed::tile_heads;
  static constexpr std::int64_t query_floats = 32768;  // of heads that meet a block together
  struct Running {                                     // softmax of one row and head
    float most = unseen;
    double sum = 0;
  };
  struct Block;
  struct Queries {  // of one head, a row's at x + row * step
    const float* x = nullptr;
    std::int64_t step = 0;
  };
  // elements of a key or value as they are stored
  static std::int64_t widest(const Sizes& sizes) {
    return round_up(std::max({sizes.width, sizes.value_width, std::int64_t{1}}), rounded_block);
  }
  struct Part {
    std::int64_t first, count;  // rows
    std::int64_t key_head;
    std::int32_t seq;
    int worker;
    bool observed;  // of some row
  };

  bool bring(const kv::View& view, const Part& part, std::int64_t page, Block& block) const;
  const float* plain(const kv::RowCode& code, const std::byte* from, std::int64_t n,
                     float* room) const;
  void bring_values(const kv::RowCode& code, const std::byte* from, std::int64_t n,
                    float* values) const;
  Queries queries(const KernelCall& call, const Part& part, std::int64_t head, float* room) const;
  void attend_heads(const KernelCall& call, const Part& part, std::int64_t head,
                    std::int64_t heads) const;
  void take(const KernelCall& call, const Part& part, const Block& block, std::int64_t head,
            const Queries& queries, Running* running, float* scores) const;
  Part part_of(const KernelCall& call, std::int64_t first, std::int64_t last, std::int64_t key_head,
               int worker) const;
  struct Noted {  // a query head: its place among those that met the pages, and those of its KV
                  // head
    std::int64_t head, shared;
  };
  void sum_up(const KernelCall& call, const Part& part, const Noted& noted, std::int64_t pages,
              const Running* running) const;
  void score(const KernelCall& call, const Part& part, const Block& block, std::int64_t head,
             std::int64_t row, float* scores) const;
  bool mask(const kv::Policy& policy, const Block& block, std::int64_t pos, float* add) const;
  void add_values(const KernelCall& call, const Part& part, const Block& block, std::int64_t head,
                  const float* weights) const;
  // of the weights of a block's rows
  static std::int64_t stride(const Block& block);

  kind::Attention kind_;
  Sizes s_;
  std::int64_t entries_;  // of a block
  const GemmKernels* gemm_;
  const RowKernels* rows_;
  const EncodedKernels* decoders_;
};

}  // namespace pliant::native
