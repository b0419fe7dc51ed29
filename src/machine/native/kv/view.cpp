#include "machine/native/kv/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::kv {

void View::check(const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows) {
  for (const SeqId id : cache_->branches_)
    cache_->find(id).rows = cache_->find(cache_->find(id).leader).rows = 0;
  for (std::int64_t r = 0; r < rows; ++r)
    if (seq[r] >= 0) {
      Sequence& sequence = cache_->find(seq[r]);
      sequence.rows = std::max<std::int64_t>(sequence.led - sequence.lengths[layer_], 0);
    }
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    Sequence& sequence = cache_->find(seq[r]);
    const std::int64_t next = sequence.lengths[layer_] + sequence.rows++;
    if (pos[r] != next)
      throw Error(ErrorKind::invalid, fmt::format("row {}", r),
                  fmt::format("position {} of sequence {}, which has come to {} in cache layer {}",
                              pos[r], seq[r], next, layer_));
    if (next >= sequence.reserved)
      throw Error(ErrorKind::invalid, fmt::format("row {}", r),
                  fmt::format("position {} of sequence {} was not reserved", next, seq[r]),
                  "call reserve() with the rows of the run");
  }
  check_branches();
}

// A branch has a place for the rows that it gets from its leader, and all of them come.
void View::check_branches() const {
  for (const SeqId id : cache_->branches_) {
    const Sequence& branch = cache_->find(id);
    const Sequence& leader = cache_->find(branch.leader);
    if (branch.led <= branch.lengths[layer_] || branch.rows + leader.rows == 0) continue;
    if (leader.lengths[layer_] + leader.rows < branch.led || branch.reserved < branch.led)
      throw Error(ErrorKind::invalid, fmt::format("sequence {}", id),
                  fmt::format("its rows follow position {} of sequence {}, which the run lacks",
                              branch.led - 1, branch.leader));
  }
}

Slot View::slot(int head, std::int32_t seq, std::int32_t pos) const {
  const ChainId to = chain(head, seq);
  const std::int64_t ahead = pos - cache_->sequences_[to.slot].lengths[layer_];
  return cache_->chains_.entry(to, cache_->chains_.entries(to) + ahead);
}

void View::advance(const std::int32_t* seq, const std::int32_t* pos, std::int64_t rows) {
  const std::int64_t heads = cache_->layers()[layer_].heads;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    each_owner(seq[r], pos[r], [&](std::int32_t owner) {
      ++cache_->sequences_[cache_->slot(owner)].lengths[layer_];
      for (int head = 0; head < heads; ++head) cache_->chains_.append(chain(head, owner));
    });
  }
}

std::int64_t View::entries(int head, std::int32_t seq) const {
  return cache_->chains_.entries(chain(head, seq));
}

Page View::page(int head, std::int32_t seq, std::int64_t i) const {
  return cache_->chains_.page(chain(head, seq), i);
}

const Policy& View::policy(std::int32_t seq) const {
  return cache_->sequences_[cache_->slot(seq)].policy;
}

bool View::observes(std::int32_t seq, std::int32_t pos) const {
  if (seq < 0) return false;
  const Sequence& sequence = cache_->sequences_[cache_->slot(seq)];
  const Editor* editor = sequence.policy.editor.get();
  if (editor == nullptr || !editor->observes()) return false;
  if (editor->replays()) return sequence.replay;
  const std::int64_t rows = editor->observed_rows();
  if (rows == all_rows) return true;
  return sequence.left >= 0 && sequence.reserved + sequence.left - pos <= rows;
}

bool View::sums_queries(std::int32_t seq, std::int32_t pos) const {
  if (seq < 0) return false;
  const Sequence& sequence = cache_->sequences_[cache_->slot(seq)];
  const Editor* editor = sequence.policy.editor.get();
  const Expectation* wanted = editor == nullptr ? nullptr : editor->expectation();
  return wanted != nullptr && sequence.left >= 0 && pos >= wanted->sinks;
}

std::span<QuerySums> View::queries(int head, std::int32_t seq) const {
  return cache_->queries(cache_->sequences_[cache_->slot(seq)], layer_, head);
}

const PageLayout& View::layout() const { return cache_->layout(layer_); }

void View::edit(const std::int32_t* seq, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) {
    if (seq[r] < 0) continue;
    Sequence& sequence = cache_->sequences_[cache_->slot(seq[r])];
    const bool seen = std::find(seq, seq + r, seq[r]) != seq + r;
    if (!sequence.policy.editor || seen) continue;
    cache_->edit(sequence, layer_);
  }
}

}  // namespace pliant::kv
