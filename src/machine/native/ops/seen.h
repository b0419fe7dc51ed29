// Which entries of a cache's page a row sees.
#pragma once

#include <algorithm>
#include <limits>

#include "graph/kinds/kinds.h"
#include "machine/native/kv/view.h"

namespace pliant::native {

inline constexpr float unseen = -std::numeric_limits<float>::infinity();

struct Seen {  // of one page
  std::int64_t first = 0, last = 0;
  float add[kv::page_entries];  // log weights; `unseen` where the row does not see the entry
};

// Of the first `entries` entries, by a row at position `pos`.
inline Seen seen(const kind::Attention& kind, const kv::Policy& policy, const kv::Page& page,
                 std::int64_t entries, std::int64_t pos) {
  Seen result;
  result.first = entries;
  for (std::int64_t i = 0; i < entries; ++i) {
    const std::int64_t at = page.position[i], distance = pos - at;
    const bool sees = distance >= 0 && (kind.window == 0 || distance < kind.window) &&
                      (policy.window == 0 || at < policy.sinks || distance < policy.window);
    result.add[i] = sees ? page.log_weight[i] : unseen;
    if (!sees) continue;
    result.first = std::min(result.first, i);
    result.last = i + 1;
  }
  return result;
}

}  // namespace pliant::native
