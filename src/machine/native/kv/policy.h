// What a cached sequence keeps. A Policy is inert: positions that rows can still see, and, where
// that is not enough, an Editor that drops or merges entries by what it observes.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "machine/native/kv/choice/entry.h"
#include "machine/native/kv/choice/expected.h"

namespace pliant::kv {

using SeqId = std::int32_t;  // of a cached sequence

class Cache;
struct Sequence;
struct Slot;

// What an Editor sees of one (sequence, layer, KV head): entries by ascending position. Valid
// during the call.
class Chain {
 public:
  int layer() const { return layer_; }
  int head() const { return head_; }
  std::int64_t length() const;  // tokens seen, dropped ones included
  bool prompt_end() const;      // the run that was just done ended a prompt
  bool in_prompt() const;       // or later runs bring more of it
  std::int64_t prompt() const;  // tokens seen when the last prompt ended
  std::int64_t size() const;
  Entry entry(std::int64_t i) const;
  // Of an entry's attention what each query head that shares the KV head gave, if the cache sums
  // it so (CacheOptions::by_query_head); else there is one sum for all.
  std::int64_t masses() const;
  float mass(std::int64_t i, std::int64_t query_head) const;
  // By query head that shares the KV head, where the Editor asks: of the prompt's rows so far.
  std::span<const QuerySums> queries() const;
  std::int64_t key_width() const;
  std::int64_t value_width() const;
  void key(std::int64_t i, std::span<float> out) const;
  void value(std::int64_t i, std::span<float> out) const;

 private:
  friend class Cache;
  Chain(const Cache& cache, const Sequence& sequence, int layer, int head)
      : cache_(&cache), sequence_(&sequence), layer_(layer), head_(head) {}
  Slot slot(std::int64_t i) const;
  const Cache* cache_;
  const Sequence* sequence_;
  int layer_, head_;
};

inline constexpr std::int64_t all_rows = std::numeric_limits<std::int64_t>::max();

// Called after each layer of a run, on the thread that runs; must not throw, and must not depend on
// anything but the chains. Entries that were dropped or merged cannot come back: the sequence is
// not truncated below its length then.
class Editor {
 public:
  virtual ~Editor() = default;
  virtual std::string_view name() const = 0;  // stands in saved states
  // Entry::attention is kept up to date: by runs of many rows as they attend, else in two passes
  // more. The last bits of its sums depend on how a prompt was cut into runs, not on threads.
  virtual bool observes() const { return false; }
  // Of which rows: the last so many of a prompt, or all, those of answers too.
  virtual std::int64_t observed_rows() const { return all_rows; }
  // Whether it reads them by query head: CacheOptions::by_query_head.
  virtual bool by_query_head() const { return false; }
  // Whether Entry::attention is instead the most that a row and query head gave which read the
  // prompt again, behind it: SequenceRows::replay.
  virtual bool replays() const { return false; }
  // How queries are turned, if the prompt's are to be summed, but those of sinks; valid as long as
  // the Editor.
  virtual const Expectation* expectation() const { return nullptr; }
  // Whether edit() is shown the chains of all layers, after the last layer of a run, or those of
  // one layer after each.
  virtual bool sees_all_layers() const { return false; }
  // How many of its `entries` a chain keeps at most when a prompt ends that brings the sequence to
  // `length` tokens: the mean over a layer's chains. For prompts that run layer by layer.
  virtual std::int64_t most_kept(std::int64_t entries, std::int64_t /*length*/) const {
    return entries;
  }
  // The chains of one sequence, by layer, then by KV head, and of each what becomes of its entries:
  // at first all are kept, and the weights are how many tokens each stands for, exp(log_weight).
  virtual void edit(std::span<const Chain> chains,
                    std::span<const std::span<Fate>> fates) const = 0;
};

struct Policy {
  // a row at p sees positions < sinks and > p - window; window 0: all
  std::int64_t sinks = 0, window = 0;
  std::shared_ptr<const Editor> editor;
};

Policy full();
// The first `sinks` tokens and the last `window`, the row's own included. Such a sequence goes on
// for ever in a cache of sinks + window + 3 pages + one run's rows of context, a page being 32.
// Throws Error{invalid} for a negative count or no window.
Policy sink_window(std::int64_t sinks, std::int64_t window);
Policy edited(std::shared_ptr<const Editor> editor);

}  // namespace pliant::kv
