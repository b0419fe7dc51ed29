// The rows of a step: where each token of its drafts stands, and to which sequence of the cache it
// is appended. A tree's first branch is appended to the sequence of its draft, every other one to a
// branch of that, which shares its pages.
#pragma once

#include <span>
#include <vector>

#include "lm/session.h"
#include "machine/native/kv/cache.h"

namespace pliant::lm {

struct DraftRow {
  SeqId sequence = 0, owner = 0;  // its draft's; that or a branch: the first it is appended to
  std::int32_t position = 0;
  std::int32_t parent = -1;  // in the draft
  TokenId token = 0;
  bool followed = false;  // by another of the draft
};

class DraftRows {
 public:
  // The cache must outlive it. At most `most` rows of a step.
  DraftRows(kv::Cache& cache, std::int64_t most);

  // Throws Error{invalid} for a draft without tokens, for parents that are no tree, and for a tree
  // of a sequence with an Editor.
  void check(const Draft& draft) const;
  // The most tokens of a draft that follow one another.
  static std::int64_t depth(const Draft& draft);

  // Forgets the last step; opens the branches of these drafts and reserves the pages of all rows.
  // Throws Error{capacity} as Cache::branch() and reserve() do; then nothing has changed.
  void plan(std::span<const Draft> drafts);
  std::span<const DraftRow> rows() const { return rows_; }  // draft after draft
  std::span<const DraftRow> of(SeqId sequence) const;
  // Closes the branches of all drafts, or of a sequence's, whose rows are forgotten.
  void settle();
  void settle(SeqId sequence);

 private:
  void add(const Draft& draft);

  kv::Cache* cache_;
  std::vector<DraftRow> rows_;
  std::vector<kv::SequenceRows> appended_;  // by owner
};

}  // namespace pliant::lm
