#include "lm/draft_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::lm {

DraftRows::DraftRows(kv::Cache& cache, std::int64_t most) : cache_(&cache) {
  rows_.reserve(most);
  appended_.reserve(most);
}

void DraftRows::check(const Draft& draft) const {
  const auto fail = [&](std::string problem, std::string expected = {}) {
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", draft.sequence), std::move(problem),
                std::move(expected));
  };
  if (draft.tokens.empty()) fail("a draft without tokens");
  if (draft.parents.empty()) return;
  if (cache_->policy(draft.sequence).editor)
    fail("a tree, and a policy that drops what it observes", "draft no tree");
  if (draft.parents.size() != draft.tokens.size())
    fail(fmt::format("{} parents of {} tokens", draft.parents.size(), draft.tokens.size()),
         "give one for each");
  for (std::int32_t i = 0; i < std::ssize(draft.parents); ++i)
    if (const std::int32_t parent = draft.parents[i];
        i == 0 ? parent != -1 : parent < 0 || parent >= i)
      fail(fmt::format("token {} of a tree follows token {}", i, parent),
           "the first follows none (-1), each other one an earlier one");
}

std::int64_t DraftRows::depth(const Draft& draft) {
  if (draft.parents.empty()) return std::ssize(draft.tokens);
  std::int64_t most = 0;
  for (std::int32_t i = 0; i < std::ssize(draft.parents); ++i) {
    std::int64_t depth = 0;
    for (std::int32_t at = i; at >= 0; at = draft.parents[at]) ++depth;
    most = std::max(most, depth);
  }
  return most;
}

void DraftRows::plan(std::span<const Draft> drafts) {
  settle();
  try {
    for (const Draft& draft : drafts) add(draft);
    cache_->reserve(appended_);
  } catch (...) {
    settle();
    throw;
  }
}

// What follows a token first is appended where that was; what follows it later, to a branch.
void DraftRows::add(const Draft& draft) {
  const std::size_t first = rows_.size();
  const auto length = static_cast<std::int32_t>(cache_->length(draft.sequence));
  appended_.push_back({draft.sequence, 1});
  rows_.push_back({draft.sequence, draft.sequence, length, -1, draft.tokens[0]});
  for (std::size_t i = 1; i < draft.tokens.size(); ++i) {
    const std::int32_t parent =
        draft.parents.empty() ? static_cast<std::int32_t>(i) - 1 : draft.parents[i];
    DraftRow& before = rows_[first + static_cast<std::size_t>(parent)];
    DraftRow row{draft.sequence, before.owner, before.position + 1, parent, draft.tokens[i]};
    if (before.followed) {
      const std::int64_t shared = row.position - length;
      row.owner = cache_->branch(before.owner, shared);
      appended_.push_back({row.owner, shared});
    }
    before.followed = true;
    ++std::ranges::find(appended_, row.owner, &kv::SequenceRows::sequence)->count;
    rows_.push_back(row);
  }
}

std::span<const DraftRow> DraftRows::of(SeqId sequence) const {
  const auto other = [&](const DraftRow& row) { return row.sequence != sequence; };
  const auto first = std::ranges::find_if_not(rows_, other);
  return {first, std::find_if(first, rows_.end(), other)};
}

void DraftRows::settle() {
  while (!rows_.empty()) settle(rows_.back().sequence);
  appended_.clear();
}

void DraftRows::settle(SeqId sequence) {
  cache_->close_branches(sequence);
  std::erase_if(rows_, [&](const DraftRow& row) { return row.sequence == sequence; });
}

}  // namespace pliant::lm
