// The KV cache of the native machine: for every (sequence, layer, KV head) a chain of pages of its
// own, so that a policy may keep a different number of entries in each and the memory is really
// saved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "machine/native/kv/chains.h"
#include "machine/native/kv/observed.h"
#include "machine/native/kv/policy.h"

namespace pliant::kv {

// By cache layer, from the Attention operators. Throws Error{invalid} if two use one layer.
std::vector<CacheLayer> layers_of(const Graph& graph);

class StateReader;

struct SequenceRows {  // what a run will append
  SeqId sequence = 0;
  std::int64_t count = 0;
  // of the rows' prompt, how many tokens later runs bring; below 0: they are of no prompt
  std::int64_t left = -1;
  // They read again what the sequence holds, for an Editor to observe; they are truncated then.
  bool replay = false;
};

enum class KeptId : std::int32_t {};  // its place

struct Sequence {
  SeqId id = -1;  // -1: closed
  Policy policy;
  std::vector<std::int64_t> lengths;  // tokens seen, by layer: they differ only inside a run
  std::int64_t reserved = 0;          // positions below may be appended
  std::int64_t floor = 0;             // the least length that it may be truncated to
  std::int64_t rows = 0;              // of the run that goes on
  std::int64_t left = -1;             // SequenceRows::left of the last run
  std::int64_t prompt = 0;            // tokens seen when the last prompt ended; 0 without an Editor
  bool replay = false;                // SequenceRows::replay of the last run
  std::vector<QuerySums> queries;     // of a prompt, [chains, shared]; if the Editor asks
  // Of a branch: whose rows it gets as well, and below which position; -1: it is none.
  SeqId leader = -1;
  std::int64_t led = 0;
};

// All memory is reserved by the constructor: a page for every entry that every chain may hold, so
// that what fits into its context always finds pages, shared or not; or, with pool_bytes, fewer
// pages, which are counted before tokens are admitted. A page takes memory when it is first used.
// Not thread-safe; a run uses it alone, through a View.
//
// It stands on two classes: Pages are memory, counted by who uses it; Chains say which pages hold
// the entries of each (sequence, layer, KV head). The Cache knows the sequences, what their
// policies let them forget, and who may write.
//
// What holds between two calls, and outside of a run; check() asks for all of it.
//  1. A page is free, or was never taken, or counts as many uses as chains have it. No chain has a
//     page twice.
//  2. A chain has the pages that its entries need; behind them may be those that were reserved.
//     Only its last page with entries may be partly filled, so entry i is in its page i / 32. A
//     closed sequence has no entries and no pages.
//  3. The positions of a chain's entries ascend and are below the sequence's length. Weights and
//     sums are finite.
//  4. All layers of a sequence have the same length (in a run, those that are done are ahead).
//  5. Nothing that a later row can see is missing: without an Editor a chain holds each position
//     that is among the sinks or in the window of the next row; without a window, all. With an
//     Editor it holds at most `length` entries.
//  6. reserved >= length. A page that a reserved row will be written to has one use: writers copy
//     first. With an Editor, which may write anywhere, all pages of what was reserved have one use.
//  7. floor <= length: truncated to a length of at least `floor`, or to nothing, 5 still holds.
//  8. A chain that keeps a beginning has an entry for each of its tokens, and is never written.
//  Pages
//     of these hold at most kept_bytes, so open sequences always find theirs.
//  9. The slot of a sequence is its id modulo the number of slots, and ids of a slot go up, so that
//     an id that was closed is not met again soon.
// 10. The leader of a branch is open.
class Cache {
 public:
  // throws Error{invalid} or {capacity}
  Cache(std::vector<CacheLayer> layers, const CacheOptions& options);
  // that it will reserve
  static std::int64_t bytes(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
    return Chains::bytes(layers, options);
  }
  // taken when every sequence fills its context
  std::int64_t bytes() const { return bytes(layers(), options()); }
  std::int64_t touched_bytes() const { return chains_.memory().touched_bytes(); }  // taken so far
  const std::vector<CacheLayer>& layers() const { return chains_.layers(); }
  const CacheTypes& types() const { return options().types; }
  const PageLayout& layout(int layer) const { return chains_.layout(layer); }

  // Every function below throws Error{invalid} for a sequence that is not open; then nothing has
  // changed.
  // Throws Error{capacity}, Error{invalid} for an Editor that asks for sums the cache lacks.
  SeqId open(const Policy& policy);
  void close(SeqId sequence);
  std::vector<SeqId> open_sequences() const;  // ascending; without branches
  std::int64_t length(SeqId sequence) const;  // tokens seen; the next one's position
  const Policy& policy(SeqId sequence) const { return find(sequence).policy; }
  std::int32_t last_tag(SeqId sequence) const;  // of the last entry that is held; 0 without any

  // Throws Error{capacity} if `count` more tokens would not find room, appended in runs of at most
  // `rows`.
  void admit(SeqId sequence, std::int64_t count, std::int64_t rows) const;
  std::int64_t room(SeqId sequence) const;  // how many tokens admit() takes one by one
  // Takes all pages that a run of these rows will need, after pages that no row can see any more
  // are given back. Throws Error{capacity}; then nothing has changed.
  void reserve(std::span<const SequenceRows> rows);

  // Prompts that run layer by layer: all rows through one layer, in runs of some, before the next
  // layer, so that an Editor gives back what it drops of one before another is filled. Where the
  // policy allows it, admit_by_layer() counts the layer that is being filled in full and others as
  // the Editor leaves them, and throws Error{capacity}; then reserve() takes the pages of one layer
  // for each run. The prompt is done, and other functions may be called, when all layers are.
  static bool runs_by_layer(const Policy& policy);
  void admit_by_layer(SeqId sequence, std::int64_t count) const;
  void reserve(const SequenceRows& rows, int layer);
  // Ends a prompt of which the last run said that more was left, as replays do: the Editor decides.
  void end_prompt(SeqId sequence);
  // Forgets the tokens from `length` on. Throws Error{invalid} for more tokens than there are, or
  // if entries that the next row would see were dropped or merged meanwhile.
  void truncate(SeqId sequence, std::int64_t length);
  std::int64_t floor(SeqId sequence) const;  // the least length above 0 that it may be truncated to
  // Shares the pages; each sequence copies one before it writes there. What was reserved for the
  // sequence is given up.
  SeqId fork(SeqId sequence);

  // A branch of a draft: a copy as of fork(), beside the sequences that may be open. Of the next
  // run's rows that `from`, a sequence or a branch, is given, the first `shared` go to it as well.
  // It is closed with what it came from. Throws Error{capacity} if all branches are open,
  // Error{invalid} with an Editor.
  SeqId branch(SeqId from, std::int64_t shared);
  void close_branches(SeqId sequence);
  // The sequence gives up what it holds for what the branch does, which is closed.
  void become(SeqId sequence, SeqId branch);

  // A beginning that is kept: the first `length` tokens of a sequence without an Editor that has
  // forgotten nothing. Its pages are shared, and stay when the sequence is closed. Throws
  // Error{capacity} without has_room(), Error{invalid} without keeps(); then nothing has changed.
  KeptId keep(SeqId sequence, std::int64_t length);
  void forget(KeptId kept);
  // The sequence, whose policy is the same, forgets all and holds the first `length` tokens of what
  // is kept, or of another sequence of that kind. What was reserved for the two is given up.
  void adopt(SeqId sequence, KeptId kept, std::int64_t length);
  void adopt(SeqId sequence, SeqId other, std::int64_t length);
  // Whether a sequence may be kept, and one with this policy may adopt it.
  bool keeps(SeqId sequence) const;
  // How many of so many tokens fit beside nothing else that is kept, and whether these fit now.
  std::int64_t keepable(std::int64_t length) const;
  bool has_room(SeqId sequence, std::int64_t length) const;
  std::int64_t kept_bytes() const { return chains_.memory().kept() * chains_.page_bytes(); }

  // docs/formats.md. `model` is any number that tells models apart. restore() throws Error{format}
  // for bytes that are no state, Error{invalid} for one of another model, layout or editor,
  // Error{capacity}.
  std::vector<std::byte> save(SeqId sequence, std::uint64_t model) const;
  SeqId restore(std::span<const std::byte> state, std::uint64_t model,
                std::shared_ptr<const Editor> editor = nullptr);

  // Before a run of so many rows by so many workers: room for what open sequences' Editors observe.
  // Throws Error{capacity}.
  void observe(std::int64_t workers, std::int64_t rows);
  const Observed& observed() const { return observed_; }

  std::int64_t entries(SeqId sequence, int layer, int head) const;  // that the chain holds
  double kept_entries(SeqId sequence) const;                        // the mean over all chains
  std::int64_t pages() const { return chains_.memory().free() + chains_.memory().used(); }
  std::int64_t pages_used() const { return chains_.memory().used(); }
  std::int64_t used_bytes() const { return pages_used() * chains_.page_bytes(); }
  // Throws Error{internal} that names what does not hold, of the list above. Looks at every entry:
  // for tests.
  void check() const;

 private:
  friend class View;
  friend class Chain;
  struct Range {
    std::int64_t first = 0, last = 0;
  };

  const CacheOptions& options() const { return chains_.options(); }
  std::size_t slot(KeptId kept) const {
    return static_cast<std::size_t>(options().open()) + static_cast<std::size_t>(kept);
  }
  std::size_t slot(SeqId id) const { return static_cast<std::size_t>(id % options().open()); }
  ChainId chain(SeqId id, int layer, int head) const { return {slot(id), layer, head}; }
  Sequence& find(SeqId id);
  const Sequence& find(SeqId id) const;
  Sequence& vacant(bool branch);  // throws Error{capacity}
  void copy(Sequence& from, Sequence& to);
  void open_chains(Sequence& sequence, const Policy& policy);
  void check_sums(const Editor* editor) const;
  std::span<QuerySums> queries(Sequence& sequence, int layer, int head);
  void begin_prompt(Sequence& sequence, const SequenceRows& rows);

  Range unseen(const Sequence& sequence, const ChainId& chain) const;
  std::int64_t seen_entries(const Sequence& sequence, const ChainId& chain) const;
  std::int64_t context_room(const Sequence& sequence) const;
  bool endless(const Sequence& sequence, std::int64_t rows) const;
  void check_room(const Sequence& sequence, std::int64_t count) const;
  void check_entries(const Sequence& sequence, std::int64_t count) const;
  std::int64_t pages_wanted(const Sequence& sequence, std::int64_t count) const;
  void check_pages(std::int64_t wanted, std::int64_t tokens) const;
  void release_unseen(Sequence& sequence);
  void prepare(Sequence& sequence, const SequenceRows& rows);

  void share_first(std::size_t from, Sequence& to, std::int64_t length);
  void check_kept(std::size_t place) const;

  void edit(Sequence& sequence, int layer);
  void decide(Sequence& sequence, int first_layer, int last_layer);
  void apply(Sequence& sequence, const ChainId& chain, std::span<const Fate> fates);
  void link(std::span<const Fate> fates);
  void merge(const ChainId& chain, std::span<const Fate> fates);
  void merge_rows(const ChainId& chain, std::span<const Fate> fates, bool keys);
  void compact(const ChainId& chain, std::span<const Fate> fates, std::int64_t kept);
  void read_chain(const Sequence& sequence, const ChainId& chain, StateReader& from);

  void check_sequence(const Sequence& sequence) const;
  void check_chain(const Sequence& sequence, const ChainId& chain) const;

  Chains chains_;
  std::vector<Sequence> sequences_;  // by slot
  std::vector<SeqId> branches_;      // that are open
  // By place: tokens; 0: free. Its slot is behind those of all sequences.
  std::vector<std::int64_t> kept_;
  std::vector<SeqId> next_ids_;  // by slot: an id is not used again soon
  Observed observed_;
  // Of an edit. Memory is taken as entries are met.
  std::vector<Chain> shown_;
  std::vector<std::span<Fate>> fates_of_;  // by shown chain
  ReservedArray<Fate> fates_;              // [chains of a sequence, most entries]
  // of one chain: the first entry that goes into each, and the next one that goes where it goes
  ReservedArray<std::int32_t> first_, next_;
  ReservedArray<float> merged_;  // keys or values, before they are written
};

}  // namespace pliant::kv
