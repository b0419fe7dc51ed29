// The invariants of a cache, in the order of the list in cache.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "machine/native/kv/cache.h"

namespace pliant::kv {

void Cache::check() const {
  chains_.check();
  for (std::size_t slot = 0; slot < sequences_.size(); ++slot) {
    const Sequence& sequence = sequences_[slot];
    if (sequence.id >= 0) check_sequence(sequence);
    else
      chains_.each(slot, [&](const ChainId& chain) {
        if (chains_.pages(chain) != 0)
          throw Error(ErrorKind::internal, fmt::format("cache slot {}", slot),
                      "has pages and is closed");
      });
  }
  for (std::size_t place = 0; place < kept_.size(); ++place) check_kept(place);
  if (kept_bytes() > options().kept_bytes)
    throw Error(ErrorKind::internal, "cache", "keeps more than it may");
}

void Cache::check_kept(std::size_t place) const {
  chains_.each(slot(KeptId(place)), [&](const ChainId& chain) {
    const auto demand = [&](bool holds, const char* what) {
      if (!holds) throw Error(ErrorKind::internal, fmt::format("kept beginning {}", place), what);
    };
    const std::int64_t entries = chains_.entries(chain);
    demand(entries == kept_[place], "has other entries than tokens");
    demand(chains_.pages(chain) == ceil_div(entries, page_entries), "has more pages than it needs");
    for (std::int64_t i = 0; i < entries; ++i) {
      const Slot at = chains_.entry(chain, i);
      demand(at.page.position[at.entry] == i, "has other positions than those of its tokens");
    }
  });
}

void Cache::check_sequence(const Sequence& sequence) const {
  const auto demand = [&](bool holds, const char* what) {
    if (!holds) throw Error(ErrorKind::internal, fmt::format("sequence {}", sequence.id), what);
  };
  const std::int64_t length = this->length(sequence.id);
  for (std::size_t layer = 0; layer < layers().size(); ++layer)
    demand(layers()[layer].heads == 0 || sequence.lengths[layer] == length,
           "its layers differ in length");
  demand(sequence.reserved >= length, "less is reserved than it holds");
  demand(sequence.floor <= length, "its floor is above its length");
  demand(sequence.prompt <= std::max(length, sequence.reserved),
         "its prompt ends behind all that is reserved");
  demand(slot(sequence.id) == static_cast<std::size_t>(&sequence - sequences_.data()),
         "is not in its slot");
  demand(next_ids_[slot(sequence.id)] != sequence.id, "its id is given again");
  demand((sequence.leader >= 0) == (std::ranges::count(branches_, sequence.id) == 1),
         "is a branch, and not counted as one");
  if (sequence.leader >= 0) find(sequence.leader);
  chains_.each(slot(sequence.id), [&](const ChainId& chain) { check_chain(sequence, chain); });
}

void Cache::check_chain(const Sequence& sequence, const ChainId& chain) const {
  const auto demand = [&](bool holds, const char* what) {
    if (!holds)
      throw Error(
          ErrorKind::internal,
          fmt::format("sequence {}, cache layer {}, head {}", sequence.id, chain.layer, chain.head),
          what);
  };
  const Policy& policy = sequence.policy;
  const std::int64_t length = sequence.lengths[chain.layer], entries = chains_.entries(chain);
  std::int64_t last = -1, seen = 0;
  for (std::int64_t i = 0; i < entries; ++i) {
    const Slot at = chains_.entry(chain, i);
    const std::int64_t position = at.page.position[at.entry];
    demand(position > last && position < length,
           "its positions do not ascend, or go beyond its length");
    bool finite = std::isfinite(at.page.log_weight[at.entry]);
    for (std::int64_t m = 0; m < chains_.layout(chain.layer).masses; ++m)
      finite &= std::isfinite(at.page.attention[m * page_entries + at.entry]);
    demand(finite, "a weight is not finite");
    if (policy.window == 0 || position < policy.sinks || position > length - policy.window) ++seen;
    last = position;
  }
  const std::int64_t hidden =
      policy.window == 0
          ? 0
          : std::max<std::int64_t>(length - policy.window + 1 - std::min(policy.sinks, length), 0);
  demand(policy.editor ? entries <= length : seen == length - hidden,
         "holds other entries than its policy shows");
  if (sequence.reserved == length) return;
  demand(chains_.pages(chain) * page_entries >= entries + sequence.reserved - length,
         "lacks a page that was reserved");
  for (std::int64_t i = policy.editor ? 0 : entries / page_entries; i < chains_.pages(chain); ++i)
    demand(!chains_.shared(chain, i), "a page that is to be written is shared");
}

}  // namespace pliant::kv
