// Symbols of one word in a chain, merged pair by pair: the best pair first, the leftmost of equals,
// in n log n.
#pragma once

#include <cstddef>
#include <queue>
#include <vector>

namespace pliant::text {

// Pairs: what two neighbours are worth.
//   std::optional<Value> value(left, right): nothing if they do not merge; the smaller the sooner
//   Symbol merge(left, right)
template <typename Symbol, typename Pairs>
void merge_chain(std::vector<Symbol>& symbols, const Pairs& pairs) {
  using Value = typename Pairs::Value;
  struct Link {
    std::ptrdiff_t before, after;
    unsigned version;  // changes when the symbol does: candidates made earlier are stale
  };
  struct Candidate {
    Value value;
    std::size_t left, right;
    unsigned left_version, right_version;
    bool operator<(const Candidate& other) const {  // the top of the queue is the greatest
      return other.value < value || (!(value < other.value) && other.left < left);
    }
  };
  const auto count = std::ssize(symbols);
  std::vector<Link> links(symbols.size());
  for (std::ptrdiff_t i = 0; i < count; ++i) links[i] = {i - 1, i + 1 < count ? i + 1 : -1, 0};
  std::vector<Candidate> storage;
  storage.reserve(symbols.size());
  std::priority_queue<Candidate> queue({}, std::move(storage));
  const auto offer = [&](std::ptrdiff_t left, std::ptrdiff_t right) {
    if (left < 0 || right < 0) return;
    const std::size_t a = left, b = right;
    if (const auto value = pairs.value(symbols[a], symbols[b]))
      queue.push({*value, a, b, links[a].version, links[b].version});
  };
  for (std::ptrdiff_t i = 0; i + 1 < count; ++i) offer(i, i + 1);
  constexpr unsigned gone = ~0u;
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Link& left = links[best.left];
    Link& right = links[best.right];
    if (left.version != best.left_version || right.version != best.right_version) continue;
    symbols[best.left] = pairs.merge(symbols[best.left], symbols[best.right]);
    ++left.version;
    right.version = gone;
    left.after = right.after;
    if (left.after >= 0) links[left.after].before = best.left;
    offer(left.before, best.left);
    offer(best.left, left.after);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < symbols.size(); ++i)
    if (links[i].version != gone) symbols[kept++] = symbols[i];
  symbols.resize(kept);
}

}  // namespace pliant::text
