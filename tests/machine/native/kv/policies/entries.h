// A cache whose entries are written as they are, without attention.
#pragma once

#include <numeric>
#include <span>
#include <vector>

#include "machine/native/kv/view.h"

namespace pliant::kv {

// One token of one layer: keys and values [heads, width], and the attention it was given, [heads,
// masses].
struct Written {
  std::vector<float> keys, values, attention;
  std::int32_t tag = 0;
};

// Appends a run of tokens, by layer, and lets the Editor at them.
inline void append(Cache& cache, SeqId id, const std::vector<std::vector<Written>>& layers,
                   std::int64_t left) {
  const auto count = std::ssize(layers.front());
  const SequenceRows rows{id, count, left};
  cache.reserve({&rows, 1});
  const std::vector<std::int32_t> seq(count, id);
  std::vector<std::int32_t> pos(count);
  std::iota(pos.begin(), pos.end(), static_cast<std::int32_t>(cache.length(id)));
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    View view(cache, static_cast<int>(layer));
    const CacheLayer& size = cache.layers()[layer];
    const std::int64_t first = cache.length(id);
    for (std::int64_t r = 0; r < count; ++r)
      for (int head = 0; head < size.heads; ++head) {
        const Written& token = layers[layer][r];
        const auto position = static_cast<std::int32_t>(first + r);
        const Slot at = view.slot(head, id, position);
        at.page.position[at.entry] = position;
        at.page.tag[at.entry] = token.tag;
        at.page.log_weight[at.entry] = 0;
        const PageLayout& layout = view.layout();
        for (std::int64_t m = 0; m < layout.masses; ++m)
          at.page.attention[m * page_entries + at.entry] =
              token.attention[head * layout.masses + m];
        layout.keys.write(token.keys.data() + head * size.key_width,
                          at.page.keys + at.entry * layout.keys.bytes());
        layout.values.write(token.values.data() + head * size.value_width,
                            at.page.values + at.entry * layout.values.bytes());
      }
    view.advance(seq.data(), pos.data(), count);
    view.edit(seq.data(), count);
  }
}

// What a chain holds.
struct Held {
  std::vector<std::int32_t> positions;
  std::vector<float> keys, values, log_weights;
};

inline Held held(Cache& cache, SeqId id, int layer, int head) {
  Held result;
  View view(cache, layer);
  const PageLayout& layout = view.layout();
  std::vector<float> key(layout.keys.width()), value(layout.values.width());
  for (std::int64_t i = 0; i < view.entries(head, id); ++i) {
    const Page page = view.page(head, id, i / page_entries);
    const std::int64_t entry = i % page_entries;
    result.positions.push_back(page.position[entry]);
    result.log_weights.push_back(page.log_weight[entry]);
    layout.keys.read(page.keys + entry * layout.keys.bytes(), key.data());
    layout.values.read(page.values + entry * layout.values.bytes(), value.data());
    result.keys.insert(result.keys.end(), key.begin(), key.end());
    result.values.insert(result.values.end(), value.begin(), value.end());
  }
  return result;
}

}  // namespace pliant::kv
