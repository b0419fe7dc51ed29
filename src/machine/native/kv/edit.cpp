// What Editors see and decide.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

#include "machine/native/kv/cache.h"

namespace pliant::kv {

// into = the weighted mean of both, standing for both.
void Cache::merge(int layer, const Slot& from, const Slot& into) {
  float &own = into.page.log_weight[into.entry], other = from.page.log_weight[from.entry];
  const float most = std::max(own, other);
  const float a = std::exp(own - most), b = std::exp(other - most), share = a / (a + b);
  const auto mix = [&](const RowCode& code, const std::byte* x, std::byte* y) {
    float *p = scratch_.data(), *q = p + widest_head;
    code.read(x + from.entry * code.bytes(), p);
    code.read(y + into.entry * code.bytes(), q);
    for (std::int64_t i = 0; i < code.width(); ++i) q[i] = share * q[i] + (1 - share) * p[i];
    code.write(q, y + into.entry * code.bytes());
  };
  mix(layout(layer).keys, from.page.keys, into.page.keys);
  mix(layout(layer).values, from.page.values, into.page.values);
  own = most + std::log(a + b);
  into.page.attention[into.entry] += from.page.attention[from.entry];
}

namespace {

void move_entry(const Slot& from, const Slot& to, const PageLayout& layout) {
  to.page.position[to.entry] = from.page.position[from.entry];
  to.page.tag[to.entry] = from.page.tag[from.entry];
  to.page.log_weight[to.entry] = from.page.log_weight[from.entry];
  to.page.attention[to.entry] = from.page.attention[from.entry];
  const auto row = [&](const std::byte* x, std::byte* y, std::int64_t bytes) {
    std::memcpy(y + to.entry * bytes, x + from.entry * bytes, static_cast<std::size_t>(bytes));
  };
  row(from.page.keys, to.page.keys, layout.keys.bytes());
  row(from.page.values, to.page.values, layout.values.bytes());
}

}  // namespace

void Cache::edit_chain(Sequence& sequence, int layer, int head) {
  const ChainId own = chain(sequence.id, layer, head);
  const std::int64_t entries = chains_.entries(own);
  const std::span fate(fate_.data(), static_cast<std::size_t>(entries));
  std::iota(fate.begin(), fate.end(), 0);
  sequence.policy.editor->edit(Chain(*this, sequence, layer, head), fate);
  const auto at = [&](std::int64_t i) { return chains_.entry(own, i); };
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < entries; ++i) {
    const std::int32_t to = fate[i];
    if (to == i) ++kept;
    else if (to != drop) {
      assert(fate[to] == to);
      merge(layer, at(i), at(to));
    }
  }
  if (kept == entries) return;
  std::int64_t end = 0;
  for (std::int64_t i = 0; i < entries; ++i)
    if (fate[i] == i) {
      if (end != i) move_entry(at(i), at(end), chains_.layout(layer));
      ++end;
    }
  chains_.truncate(own, end);  // what was reserved for later runs goes too
  sequence.reserved = sequence.floor = sequence.lengths[layer];
}

std::int64_t Chain::length() const { return sequence_->lengths[layer_]; }
bool Chain::prompt_end() const { return sequence_->prompt_end; }
std::int64_t Chain::size() const {
  return cache_->chains_.entries(cache_->chain(sequence_->id, layer_, head_));
}

Slot Chain::slot(std::int64_t i) const {
  return cache_->chains_.entry(cache_->chain(sequence_->id, layer_, head_), i);
}

Entry Chain::entry(std::int64_t i) const {
  const Slot at = slot(i);
  return {at.page.position[at.entry], at.page.tag[at.entry], at.page.log_weight[at.entry],
          at.page.attention[at.entry]};
}

void Chain::key(std::int64_t i, std::span<float> out) const {
  const Slot at = slot(i);
  const RowCode& code = cache_->layout(layer_).keys;
  assert(static_cast<std::int64_t>(out.size()) == code.width());
  code.read(at.page.keys + at.entry * code.bytes(), out.data());
}

void Chain::value(std::int64_t i, std::span<float> out) const {
  const Slot at = slot(i);
  const RowCode& code = cache_->layout(layer_).values;
  assert(static_cast<std::int64_t>(out.size()) == code.width());
  code.read(at.page.values + at.entry * code.bytes(), out.data());
}

}  // namespace pliant::kv
