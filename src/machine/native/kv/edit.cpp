// What Editors see and decide.
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>

#include "machine/native/kv/cache.h"

namespace pliant::kv {

namespace {

float& mass_at(const Slot& at, std::int64_t i) {
  return at.page.attention[i * page_entries + at.entry];
}

void move_entry(const Slot& from, const Slot& to, const PageLayout& layout) {
  to.page.position[to.entry] = from.page.position[from.entry];
  to.page.tag[to.entry] = from.page.tag[from.entry];
  to.page.log_weight[to.entry] = from.page.log_weight[from.entry];
  for (std::int64_t m = 0; m < layout.masses; ++m) mass_at(to, m) = mass_at(from, m);
  const auto row = [&](const std::byte* x, std::byte* y, std::int64_t bytes) {
    std::memcpy(y + to.entry * bytes, x + from.entry * bytes, static_cast<std::size_t>(bytes));
  };
  row(from.page.keys, to.page.keys, layout.keys.bytes());
  row(from.page.values, to.page.values, layout.values.bytes());
}

// Whether what goes into an entry changes it.
bool weighs(std::span<const Fate> fates, const std::int32_t* next, std::int32_t first,
            float Fate::*weight) {
  for (std::int32_t i = first; i != nowhere; i = next[i])
    if (fates[i].*weight != 0) return true;
  return false;
}

}  // namespace

void Cache::observe(std::int64_t workers, std::int64_t rows) {
  const bool any = std::ranges::any_of(sequences_, [](const Sequence& each) {
    return each.id >= 0 && each.policy.editor && each.policy.editor->observes();
  });
  if (!any) return;
  std::int64_t heads = 0;
  for (int layer = 0; layer < std::ssize(layers()); ++layer)
    heads = std::max(heads, layers()[layer].heads * chains_.layout(layer).masses);
  observed_.prepare({workers, rows, heads, chains_.most_entries()});
}

void Cache::edit(Sequence& sequence, int layer) {
  if (!sequence.policy.editor->sees_all_layers()) decide(sequence, layer, layer + 1);
  else if (length(sequence.id) == sequence.lengths[layer])  // it was the last one
    decide(sequence, 0, static_cast<int>(layers().size()));
}

void Cache::decide(Sequence& sequence, int first_layer, int last_layer) {
  shown_.clear();
  fates_of_.clear();
  for (int layer = first_layer; layer < last_layer; ++layer)
    for (int head = 0; head < layers()[layer].heads; ++head) {
      const ChainId own = chain(sequence.id, layer, head);
      const std::span fates(fates_.data() + std::ssize(shown_) * chains_.most_entries(),
                            static_cast<std::size_t>(chains_.entries(own)));
      for (std::int64_t i = 0; i < std::ssize(fates); ++i) {
        const Slot at = chains_.entry(own, i);
        const float log_weight = at.page.log_weight[at.entry];
        const float count = log_weight == 0 ? 1.0F : std::exp(log_weight);
        fates[i] = {true, nowhere, count, count, count};
      }
      shown_.push_back(Chain(*this, sequence, layer, head));
      fates_of_.push_back(fates);
    }
  sequence.policy.editor->edit(shown_, fates_of_);
  for (std::size_t i = 0; i < shown_.size(); ++i)
    apply(sequence, chain(sequence.id, shown_[i].layer(), shown_[i].head()), fates_of_[i]);
}

void Cache::apply(Sequence& sequence, const ChainId& chain, std::span<const Fate> fates) {
  const std::int64_t kept = std::ranges::count_if(fates, &Fate::keep);
  const bool merges =
      std::ranges::any_of(fates, [](const Fate& fate) { return fate.into != nowhere; });
  if (!merges && kept == std::ssize(fates)) return;
  if (merges) {
    link(fates);
    merge(chain, fates);
  }
  compact(chain, fates, kept);
  sequence.reserved = sequence.floor = sequence.lengths[chain.layer];
}

void Cache::link(std::span<const Fate> fates) {
  std::fill_n(first_.data(), fates.size(), nowhere);
  for (auto i = static_cast<std::int32_t>(fates.size()) - 1; i >= 0; --i) {
    const std::int32_t into = fates[i].into;
    if (into == nowhere) continue;
    assert(fates[into].keep);
    next_[i] = first_[into];
    first_[into] = i;
  }
}

void Cache::merge(const ChainId& chain, std::span<const Fate> fates) {
  merge_rows(chain, fates, true);
  merge_rows(chain, fates, false);
  for (std::int32_t j = 0; j < std::ssize(fates); ++j) {
    if (!weighs(fates, next_.data(), first_[j], &Fate::count)) continue;
    double count = fates[j].count;
    for (std::int32_t i = first_[j]; i != nowhere; i = next_[i]) count += fates[i].count;
    const Slot own = chains_.entry(chain, j);
    own.page.log_weight[own.entry] = static_cast<float>(std::log(count));
  }
  for (std::int32_t i = 0; i < std::ssize(fates); ++i) {
    if (fates[i].into == nowhere || fates[i].keep) continue;
    const Slot from = chains_.entry(chain, i), to = chains_.entry(chain, fates[i].into);
    for (std::int64_t m = 0; m < chains_.layout(chain.layer).masses; ++m)
      mass_at(to, m) += mass_at(from, m);
  }
}

// The means are of what the entries were: all are computed before one is written.
void Cache::merge_rows(const ChainId& chain, std::span<const Fate> fates, bool keys) {
  const PageLayout& layout = chains_.layout(chain.layer);
  const RowCode& code = keys ? layout.keys : layout.values;
  float Fate::*weight = keys ? &Fate::key : &Fate::value;
  const auto at = [&](std::int32_t i) {
    const Slot slot = chains_.entry(chain, i);
    return (keys ? slot.page.keys : slot.page.values) + slot.entry * code.bytes();
  };
  std::array<float, widest_head> row;
  std::array<double, widest_head> sums;
  const auto add = [&](std::int32_t i) {
    const double share = fates[i].*weight;
    if (share == 0) return share;
    code.read(at(i), row.data());
    for (std::int64_t k = 0; k < code.width(); ++k) sums[k] += share * static_cast<double>(row[k]);
    return share;
  };
  float* out = merged_.data();
  const auto count = static_cast<std::int32_t>(fates.size());
  for (std::int32_t j = 0; j < count; ++j) {
    if (!weighs(fates, next_.data(), first_[j], weight)) continue;
    std::fill_n(sums.begin(), code.width(), 0.0);
    double total = add(j);
    for (std::int32_t i = first_[j]; i != nowhere; i = next_[i]) total += add(i);
    for (std::int64_t k = 0; k < code.width(); ++k) *out++ = static_cast<float>(sums[k] / total);
  }
  const float* in = merged_.data();
  for (std::int32_t j = 0; j < count; ++j) {
    if (!weighs(fates, next_.data(), first_[j], weight)) continue;
    code.write(in, at(j));
    in += code.width();
  }
}

void Cache::compact(const ChainId& chain, std::span<const Fate> fates, std::int64_t kept) {
  std::int64_t end = 0;
  for (std::int64_t i = 0; end < kept; ++i) {
    if (!fates[i].keep) continue;
    if (end != i)
      move_entry(chains_.entry(chain, i), chains_.entry(chain, end), chains_.layout(chain.layer));
    ++end;
  }
  chains_.truncate(chain, kept);  // what was reserved for later runs goes too
}

std::int64_t Chain::length() const { return sequence_->lengths[layer_]; }
bool Chain::prompt_end() const { return sequence_->left == 0; }
bool Chain::in_prompt() const { return sequence_->left > 0; }
std::int64_t Chain::prompt() const { return sequence_->prompt; }
std::int64_t Chain::size() const {
  return cache_->chains_.entries(cache_->chain(sequence_->id, layer_, head_));
}

Slot Chain::slot(std::int64_t i) const {
  return cache_->chains_.entry(cache_->chain(sequence_->id, layer_, head_), i);
}

Entry Chain::entry(std::int64_t i) const {
  const Slot at = slot(i);
  const Editor* editor = sequence_->policy.editor.get();
  const bool highest = editor != nullptr && editor->replays();
  float attention = 0;
  for (std::int64_t m = 0; m < masses(); ++m)
    attention = highest ? std::max(attention, mass_at(at, m)) : attention + mass_at(at, m);
  return {at.page.position[at.entry], at.page.tag[at.entry], at.page.log_weight[at.entry],
          attention};
}

std::span<QuerySums> Cache::queries(Sequence& sequence, int layer, int head) {
  if (sequence.queries.empty()) return {};
  std::size_t first = 0;
  for (int before = 0; before < layer; ++before)
    first += layers()[before].heads * layers()[before].shared;
  const std::size_t shared = layers()[layer].shared;
  return std::span(sequence.queries).subspan(first + head * shared, shared);
}

std::span<const QuerySums> Chain::queries() const {
  auto& cache = const_cast<Cache&>(*cache_);           // NOLINT: changes nothing
  auto& sequence = const_cast<Sequence&>(*sequence_);  // NOLINT
  return cache.queries(sequence, layer_, head_);
}

std::int64_t Chain::key_width() const { return cache_->layout(layer_).keys.width(); }
std::int64_t Chain::value_width() const { return cache_->layout(layer_).values.width(); }
std::int64_t Chain::masses() const { return cache_->layout(layer_).masses; }
float Chain::mass(std::int64_t i, std::int64_t query_head) const {
  return mass_at(slot(i), query_head);
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
