// What a cached sequence keeps. A Policy is inert: positions that rows can still see, and, where
// that is not enough, an Editor that drops or merges entries by what it observes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace pliant::kv {

using SeqId = std::int32_t;  // of a cached sequence

// One entry of a chain: the key and value of one token, or of several merged ones, for one layer
// and KV head.
struct Entry {
  std::int32_t position = 0;  // the token's own, whatever was dropped before it
  std::int32_t tag = 0;
  float log_weight = 0;  // added to the entry's score: log of how many tokens it stands for
  // sum of the weights it was given, over rows and the query heads that share it (if observed)
  float attention = 0;
};

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
  std::int64_t size() const;
  Entry entry(std::int64_t i) const;
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

inline constexpr std::int32_t drop = -1;

// Called after each layer of a run, on the thread that runs; must not throw, and must not depend on
// anything but the chain. Entries that were dropped or merged cannot come back: the sequence is not
// truncated below its length then.
class Editor {
 public:
  virtual ~Editor() = default;
  virtual std::string_view name() const = 0;  // stands in saved states
  // Entry::attention is kept up to date; costs two passes more
  virtual bool observes() const { return false; }
  // fate[i] is i at first: keep. `drop`: forget. j, where fate[j] stays j: entry i is merged into
  // j, keys and values averaged by exp(log_weight), the weights added.
  virtual void edit(const Chain& chain, std::span<std::int32_t> fate) const = 0;
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
