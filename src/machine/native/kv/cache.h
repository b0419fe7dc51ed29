// The KV cache of the native machine: for every (sequence, layer, KV head) a chain of pages of its own, so that a
// policy may keep a different number of entries in each and the memory is really saved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "machine/native/kv/pages.h"
#include "machine/native/kv/policy.h"

namespace pliant::kv {

using SeqId = std::int32_t;

struct Layer {
  std::int64_t heads = 0, key_width = 0, value_width = 0;  // of keys and values; heads 0: the graph has no such layer
  bool operator==(const Layer&) const = default;
};

// By cache layer, from the Attention operators. Throws Error{invalid} if two use one layer.
std::vector<Layer> layers_of(const Graph& graph);

struct CacheOptions {
  DType dtype = DType::f32;    // f32, f16 or bf16
  std::int64_t sequences = 1;  // open at one time
  std::int64_t context = 0;    // entries per chain
};

class StateReader;

struct Rows {  // what a run will append
  SeqId sequence = 0;
  std::int64_t count = 0;
  bool prompt_end = false;  // told to Editors
};

struct Sequence {
  SeqId id = -1;  // -1: closed
  Policy policy;
  std::vector<std::int64_t> lengths;  // tokens seen, by layer: they differ only inside a run
  std::int64_t reserved = 0;          // positions below may be appended
  std::int64_t floor = 0;             // the least length that it may be truncated to
  std::int64_t rows = 0;              // of the run that goes on
  bool prompt_end = false;
};

// All memory is reserved by the constructor: a page for every entry that every chain may hold, so that what fits into
// its context always finds pages, shared or not. A page takes memory when it is first used. Not thread-safe; a run uses
// it alone.
class Cache {
 public:
  Cache(std::vector<Layer> layers, const CacheOptions& options);  // throws Error{invalid} or {capacity}
  static std::int64_t bytes(const std::vector<Layer>& layers, const CacheOptions& options);  // that it will reserve
  std::int64_t bytes() const;                                            // taken when every sequence fills its context
  std::int64_t touched_bytes() const { return pages_.touched_bytes(); }  // taken so far
  const std::vector<Layer>& layers() const { return layers_; }
  DType dtype() const { return options_.dtype; }

  // Every function below throws Error{invalid} for a sequence that is not open; then nothing has changed.
  SeqId open(const Policy& policy);  // throws Error{capacity}
  void close(SeqId sequence);
  std::vector<SeqId> open_sequences() const;  // ascending
  std::int64_t length(SeqId sequence) const;  // tokens seen; the next one's position

  // Throws Error{capacity} if `count` more tokens would not find room, appended in runs of at most `rows`.
  void admit(SeqId sequence, std::int64_t count, std::int64_t rows) const;
  std::int64_t room(SeqId sequence) const;  // how many tokens admit() takes one by one
  // Takes all pages that a run of these rows will need, after pages that no row can see any more are given back.
  // Throws Error{capacity}; then nothing has changed.
  void reserve(std::span<const Rows> rows);
  // Forgets the tokens from `length` on. Throws Error{invalid} for more tokens than there are, or if entries that the
  // next row would see were dropped or merged meanwhile.
  void truncate(SeqId sequence, std::int64_t length);
  std::int64_t floor(SeqId sequence) const;  // the least length above 0 that it may be truncated to
  SeqId fork(SeqId sequence);                // shares the pages; each sequence copies one before it writes there

  // docs/formats.md. `model` is any number that tells models apart. restore() throws Error{format} for bytes that are
  // no state, Error{invalid} for one of another model, layout or editor, Error{capacity}.
  std::vector<std::byte> save(SeqId sequence, std::uint64_t model) const;
  SeqId restore(std::span<const std::byte> state, std::uint64_t model, std::shared_ptr<const Editor> editor = nullptr);

  std::int64_t entries(SeqId sequence, int layer, int head) const;  // that the chain holds
  std::int64_t pages_used() const { return pages_.used(); }

  // For kernels ------------------------------------------------------------------------------------------------------
  // The rows of a run: seq < 0 is padding; the others continue their sequences position by position, and were
  // reserved. Throws Error{invalid}.
  void check(int layer, const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows);
  struct Slot {
    Page page;
    std::int64_t entry = 0;
  };
  Slot slot(int layer, int head, std::int32_t seq, std::int32_t pos) const;  // where a checked row's entry goes
  void advance(int layer, const std::int32_t* seq, std::int64_t rows);       // the entries are written
  void edit(int layer, const std::int32_t* seq, std::int64_t rows);          // the layer's attention is done
  const Sequence& sequence(std::int32_t seq) const { return sequences_[index(seq)]; }
  std::int64_t chain_entries(int layer, int head, std::int32_t seq) const;
  Page page(int layer, int head, std::int32_t seq, std::int64_t i) const;  // of the chain

 private:
  friend class Chain;
  struct Links {
    std::int64_t entries = 0, pages = 0;
  };
  struct Range {
    std::int64_t first = 0, last = 0;
  };

  std::size_t index(SeqId id) const { return static_cast<std::size_t>(id % options_.sequences); }
  Sequence& find(SeqId id);
  const Sequence& find(SeqId id) const;
  Sequence& vacant();  // throws Error{capacity}
  std::int64_t chain(int layer, int head) const { return first_chain_[layer] + head; }
  Links& links(std::size_t slot, std::int64_t chain);
  const Links& links(std::size_t slot, std::int64_t chain) const;
  PageId* table(std::size_t slot, std::int64_t chain);
  const PageId* table(std::size_t slot, std::int64_t chain) const;
  PageLayout layout(int layer) const;
  template <typename Visit>
  void each_chain(const Visit& visit) const {  // visit(layer, head)
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
      for (std::int64_t head = 0; head < layers_[layer].heads; ++head)
        visit(static_cast<int>(layer), static_cast<int>(head));
  }

  Range unseen(const Sequence& sequence, int layer, int head) const;
  bool endless(const Sequence& sequence, std::int64_t rows) const;
  void check_room(const Sequence& sequence, std::int64_t count) const;
  void release_unseen(Sequence& sequence);
  void prepare(Sequence& sequence, const Rows& rows);
  void forget(const Sequence& sequence, int layer, int head, std::int64_t length);
  void trim(std::size_t slot, std::int64_t chain);
  void edit_chain(Sequence& sequence, int layer, int head);
  void merge(int layer, const Slot& from, const Slot& into);
  Slot entry_at(int layer, int head, std::size_t slot, std::int64_t i) const;
  void read_chain(Sequence& sequence, int layer, int head, StateReader& from);
  void open_chains(Sequence& sequence, const Policy& policy);

  std::vector<Layer> layers_;
  CacheOptions options_;
  std::int64_t chain_pages_ = 0, chains_ = 0;
  std::vector<std::int64_t> first_chain_;  // by layer
  Pages pages_;
  std::vector<Sequence> sequences_;
  std::vector<SeqId> next_ids_;   // by slot: an id is not used again soon
  std::vector<Links> links_;      // [sequences, chains]
  ReservedArray<PageId> tables_;  // [sequences, chains, chain pages]
  ReservedArray<std::int32_t> fate_;
  std::vector<float> scratch_;  // two keys or values
};

}  // namespace pliant::kv
