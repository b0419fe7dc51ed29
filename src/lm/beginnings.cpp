#include "lm/beginnings.h"

#include <algorithm>

namespace pliant::lm {

std::int64_t common(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

bool alike(const kv::Policy& a, const kv::Policy& b) {
  return !a.editor && !b.editor && a.sinks == b.sinks && a.window == b.window;
}

// Those it goes beyond are forgotten: it holds what they hold.
bool Beginnings::known(std::span<const TokenId> tokens, const kv::Policy& policy) {
  for (std::size_t i = all_.size(); i-- > 0;) {
    Beginning& each = all_[i];
    if (!alike(each.policy, policy)) continue;
    const std::int64_t same = common(each.tokens, tokens);
    if (same == std::ssize(tokens)) {
      each.used = ++clock_;
      return true;
    }
    if (same == std::ssize(each.tokens)) forget(i);
  }
  return false;
}

void Beginnings::forget(std::size_t index) {
  cache_->forget(all_[index].id);
  all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Beginnings::keep(SeqId sequence, std::span<const TokenId> tokens) {
  const std::int64_t most = cache_->keepable(std::ssize(tokens));
  tokens = tokens.first(static_cast<std::size_t>(most));
  const kv::Policy& policy = cache_->policy(sequence);
  if (tokens.empty() || !cache_->keeps(sequence) || known(tokens, policy)) return;
  Beginning made{{}, policy, {tokens.begin(), tokens.end()}, ++clock_};
  while (!cache_->has_room(sequence, most))
    forget(static_cast<std::size_t>(std::ranges::min_element(all_, {}, &Beginning::used) -
                                    all_.begin()));
  made.id = cache_->keep(sequence, most);
  all_.push_back(std::move(made));
}

Beginnings::Match Beginnings::longest(std::span<const TokenId> tokens,
                                      const kv::Policy& policy) const {
  Match best;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (alike(all_[i].policy, policy))
      if (const std::int64_t length = common(all_[i].tokens, tokens); length > best.length)
        best = {i, length};
  return best;
}

void Beginnings::adopt(SeqId sequence, const Match& match) {
  all_[match.index].used = ++clock_;
  cache_->adopt(sequence, all_[match.index].id, match.length);
}

}  // namespace pliant::lm
