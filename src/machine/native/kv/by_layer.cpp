// Prompts that run layer by layer.
#include <algorithm>

#include "core/checked.h"
#include "machine/native/kv/cache.h"

namespace pliant::kv {

bool Cache::runs_by_layer(const Policy& policy) {
  return policy.editor != nullptr && !policy.editor->sees_all_layers() &&
         !policy.editor->replays() && policy.window == 0;
}

void Cache::admit_by_layer(SeqId id, std::int64_t count) const {
  const Sequence& sequence = find(id);
  check_entries(sequence, count);
  if (options().pool_bytes == 0) return;
  const std::int64_t after = length(id) + count;
  std::int64_t grown = 0, most = 0;  // pages: of layers that are done, and at the highest
  for (std::size_t layer = 0; layer < layers().size(); ++layer) {
    std::int64_t wanted = 0, growth = 0;
    for (int head = 0; head < layers()[layer].heads; ++head) {
      const ChainId own = chain(id, static_cast<int>(layer), head);
      wanted += chains_.wanted(own, count, true);
      const std::int64_t kept =
          sequence.policy.editor->most_kept(chains_.entries(own) + count, after);
      const std::int64_t shared = chains_.wanted(own, 0, true);
      growth += ceil_div(kept, page_entries) + 1 - (chains_.pages(own) - shared);
    }
    most = std::max(most, grown + wanted);
    // a page more for each chain is for heads that differ; none has more than was wanted
    grown += std::min(wanted, std::max<std::int64_t>(growth, 0));
  }
  check_pages(most, count);
}

void Cache::reserve(const SequenceRows& rows, int layer) {
  Sequence& sequence = find(rows.sequence);
  std::int64_t wanted = 0;
  for (int head = 0; head < layers()[layer].heads; ++head)
    wanted += chains_.wanted(chain(sequence.id, layer, head), rows.count, true);
  check_pages(wanted, rows.count);
  for (int head = 0; head < layers()[layer].heads; ++head)
    chains_.extend(chain(sequence.id, layer, head), rows.count, true);
  sequence.reserved = sequence.lengths[layer] + rows.count;
  begin_prompt(sequence, rows);
  if (rows.left == 0) sequence.prompt = sequence.reserved;
}

}  // namespace pliant::kv
