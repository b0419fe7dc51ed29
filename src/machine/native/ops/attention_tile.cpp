#include "machine/native/ops/attention_tile.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pliant::native {

struct AttentionTile::Block {
  // keys [width, entries_], values [entries, value width]; what lies behind `count` is nothing
  alignas(64) float keys[block_floats], values[block_floats];
  kv::Page pages[most_entries / kv::page_entries];
  std::int32_t positions[most_entries];
  std::int64_t count = 0;
  bool plain = true;   // no entry has a weight of its own
  bool finite = true;  // all values are
};

AttentionTile::AttentionTile(const kind::Attention& kind, const Sizes& sizes, Isa isa)
    : kind_(kind),
      s_(sizes),
      entries_(std::min(most_entries,
                        block_floats / widest(sizes) / kv::page_entries * kv::page_entries)),
      gemm_(&gemm_kernels(isa)),
      rows_(&row_kernels(isa)),
      decoders_(&encoded_kernels(isa)) {}

namespace {

// to[p * step + i] = element p of row i, i < count
void transpose(const float* from, std::int64_t count, const kv::RowCode& code, float* to,
               std::int64_t step) {
  constexpr std::int64_t side = 8;
  const std::int64_t width = code.width(), row = code.elements();
  for (std::int64_t p0 = 0; p0 < width; p0 += side)
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t p = p0; p < std::min(p0 + side, width); ++p)
        to[p * step + i] = from[i * row + p];
}

}  // namespace

// The pages from `page` on that lie in one stretch of positions: those that were given up before
// them change nothing. False if there are none.
bool AttentionTile::bring(const kv::View& view, const Part& part, std::int64_t page,
                          Block& block) const {
  const int head = static_cast<int>(part.key_head);
  const std::int64_t left = view.entries(head, part.seq) - page * kv::page_entries;
  block.count = 0;
  block.plain = true;
  while (block.count < std::min(entries_, left)) {
    const std::int64_t at = block.count, n = std::min(kv::page_entries, left - at);
    const kv::Page next = view.page(head, part.seq, page + at / kv::page_entries);
    if (at > 0 && next.position[0] / entries_ != block.positions[0] / entries_) break;
    block.pages[at / kv::page_entries] = next;
    std::memcpy(block.positions + at, next.position, n * sizeof(std::int32_t));
    for (std::int64_t j = 0; j < n; ++j) block.plain &= next.log_weight[j] == 0;
    float* values = block.values + at * s_.value_width;
    const kv::RowCode& code = view.layout().keys;
    transpose(plain(code, next.keys, n, values), n, code, block.keys + at, entries_);
    bring_values(view.layout().values, next.values, n, values);
    block.count += n;
  }
  for (std::int64_t p = 0; p < s_.width && block.count % kv::page_entries != 0; ++p)
    std::fill(block.keys + p * entries_ + block.count,
              block.keys + p * entries_ + round_up(block.count, kv::page_entries), 0.0F);
  block.finite = rows_->finite(block.values, block.count * s_.value_width);
  return block.count > 0;
}

// The elements of n rows of the cache in f32: where they are, or in `room`.
const float* AttentionTile::plain(const kv::RowCode& code, const std::byte* from, std::int64_t n,
                                  float* room) const {
  if (code.type() == kv::CacheType::f32) return reinterpret_cast<const float*>(from);
  decoders_->decode(code.encoding(), from, n * code.elements(), room);
  return room;
}

// n rows without what is stored behind them: it is overwritten by the next row.
void AttentionTile::bring_values(const kv::RowCode& code, const std::byte* from, std::int64_t n,
                                 float* values) const {
  if (code.elements() == s_.value_width) {
    const float* all = plain(code, from, n, values);
    if (all != values) std::memcpy(values, all, n * s_.value_width * sizeof(float));
    return;
  }
  for (std::int64_t i = 0; i < n; ++i)
    plain(code, from + i * code.bytes(), 1, values + i * s_.value_width);
}

// What is added to a row's scores; false if it sees all and nothing is.
bool AttentionTile::mask(const kv::Policy& policy, const Block& block, std::int64_t pos,
                         float* add) const {
  const bool whole = block.plain && kind_.window == 0 && policy.window == 0 &&
                     block.positions[block.count - 1] <= pos;
  if (whole) return false;
  for (std::int64_t i = 0; i < block.count; i += kv::page_entries) {
    const std::int64_t n = std::min(kv::page_entries, block.count - i);
    const Seen part = seen(kind_, policy, block.pages[i / kv::page_entries], n, pos);
    std::copy_n(part.add, n, add + i);
  }
  return true;
}

// Products become scores.
void AttentionTile::score(const KernelCall& call, const Part& part, const Block& block,
                          std::int64_t head, std::int64_t row, float* scores) const {
  const std::int64_t pos = call.i32(kind_.pos)[row];
  rows_->affine(scores, block.count, 0, static_cast<float>(kind_.scale), scores);
  if (kind_.cap > 0) {
    const auto cap = static_cast<float>(kind_.cap);
    for (std::int64_t i = 0; i < block.count; ++i) scores[i] = cap * std::tanh(scores[i] / cap);
  }
  float add[most_entries];
  const kv::View view(*call.cache, kind_.cache);
  const bool masked = mask(view.policy(part.seq), block, pos, add);
  if (kind_.has_bias) {
    const float* bias = call.f32(*kind_.bias()) + (head * s_.positions + pos) * s_.positions;
    for (std::int64_t i = 0; i < block.count; ++i)
      if (!masked || add[i] != unseen) scores[i] += bias[block.positions[i]];
  }
  if (!masked) return;
  // not by adding: what is not seen may be NaN
  for (std::int64_t i = 0; i < block.count; ++i)
    scores[i] = add[i] == unseen ? unseen : scores[i] + add[i];
}

std::int64_t AttentionTile::stride(const Block& block) {
  return round_up(block.count, kv::page_entries);
}

// `scores` [rows, stride] become the weights by what is the highest score so far.
void AttentionTile::take(const KernelCall& call, const Part& part, const Block& block,
                         std::int64_t head, const Queries& queries, Running* running,
                         float* scores) const {
  gemm_->block({.a = queries.x,
                .a_m = queries.step,
                .a_k = 1,
                .b = block.keys,
                .b_k = entries_,
                .padded = true,
                .c = scores,
                .c_m = stride(block),
                .m = part.count,
                .n = block.count,
                .k = s_.width});
  for (std::int64_t r = 0; r < part.count; ++r) {
    float* mine = scores + r * stride(block);
    score(call, part, block, head, part.first + r, mine);
    Running& softmax = running[r];
    const float most = std::max(softmax.most, rows_->maximum(mine, block.count));
    float* out = call.out() + ((part.first + r) * s_.heads + head) * s_.value_width;
    if (most == unseen) {  // nothing so far; a score that is no number stays one
      std::replace(mine, mine + block.count, unseen, 0.0F);
      continue;
    }
    if (most != softmax.most) {
      const float keep = softmax.sum > 0 ? std::exp(softmax.most - most) : 0.0F;
      rows_->affine(out, s_.value_width, 0, keep, out);
      softmax.sum *= keep;
      softmax.most = most;
    }
    softmax.sum += rows_->exponentials(mine, block.count, most, mine);
  }
  add_values(call, part, block, head, scores);
}

// A value that is no number must not reach the rows that do not see it.
void AttentionTile::add_values(const KernelCall& call, const Part& part, const Block& block,
                               std::int64_t head, const float* weights) const {
  float* out = call.out() + (part.first * s_.heads + head) * s_.value_width;
  const std::int64_t out_row = s_.heads * s_.value_width;
  if (block.finite) {
    gemm_->block({.a = weights,
                  .a_m = stride(block),
                  .a_k = 1,
                  .b = block.values,
                  .b_k = s_.value_width,
                  .c = out,
                  .c_m = out_row,
                  .m = part.count,
                  .n = s_.value_width,
                  .k = block.count,
                  .first = false});
    return;
  }
  for (std::int64_t r = 0; r < part.count; ++r)
    for (std::int64_t i = 0; i < block.count; ++i)
      if (const float weight = weights[r * stride(block) + i]; weight != 0)
        rows_->multiply_add(out + r * out_row, 1, weight, block.values + i * s_.value_width,
                            s_.value_width);
}

// The queries of one head: where they are, or turned in `room`.
AttentionTile::Queries AttentionTile::queries(const KernelCall& call, const Part& part,
                                              std::int64_t head, float* room) const {
  const float* q = call.f32(kind_.q) + (part.first * s_.heads + head) * s_.width;
  const std::int64_t step = s_.heads * s_.width;
  if (!kv::View(*call.cache, kind_.cache).layout().keys.rotated()) return {q, step};
  for (std::int64_t r = 0; r < part.count; ++r) {
    std::copy_n(q + r * step, s_.width, room + r * s_.width);
    kv::rotate(room + r * s_.width, s_.width);
  }
  return {room, s_.width};
}

// Query heads [head, head + heads) of the part, which share the KV head.
void AttentionTile::attend_heads(const KernelCall& call, const Part& part, std::int64_t head,
                                 std::int64_t heads) const {
  Running running[most_heads][rows];
  Queries turned[most_heads];
  alignas(64) float room[query_floats];
  for (std::int64_t h = 0; h < heads; ++h)
    turned[h] = queries(call, part, head + h, room + h * rows * s_.width);
  const kv::View view(*call.cache, kind_.cache);
  const std::int64_t last_position = call.i32(kind_.pos)[part.first + part.count - 1];
  Block block;
  alignas(64) float scores[rows * most_entries];
  std::int64_t page = 0;
  for (; bring(view, part, page, block); page += ceil_div(block.count, kv::page_entries)) {
    if (block.positions[0] > last_position) break;
    if (part.observed)
      view.observed().block(part.worker, page) = static_cast<std::int32_t>(block.count);
    for (std::int64_t h = 0; h < heads; ++h) {
      float* room = part.observed ? view.observed().weights(part.worker, h, page) : scores;
      take(call, part, block, head + h, turned[h], running[h], room);
      if (!part.observed) continue;
      float* highest = view.observed().highest(part.worker, h, page);
      for (std::int64_t r = 0; r < part.count; ++r) highest[r] = running[h][r].most;
    }
  }
  for (std::int64_t h = 0; part.observed && h < heads; ++h)
    sum_up(call, part, {h, (head + h) % (s_.heads / s_.key_heads)}, page, running[h]);
  for (std::int64_t h = 0; h < heads; ++h)
    for (std::int64_t r = 0; r < part.count; ++r) {
      float* out = call.out() + ((part.first + r) * s_.heads + head + h) * s_.value_width;
      if (const double sum = running[h][r].sum; sum > 0)
        rows_->affine(out, s_.value_width, 0, static_cast<float>(1 / sum), out);
      if (view.layout().values.rotated()) kv::rotate(out, s_.value_width);
    }
}

namespace {

// to[i] becomes the highest of shares[r] * weights[r][i], and of what it is unless it is `first`.
void raise(float* to, const float* shares, const float* weights, std::int64_t rows,
           std::int64_t count, bool first) {
  if (first) std::fill_n(to, count, 0.0F);
  for (std::int64_t r = 0; r < rows; ++r, weights += round_up(count, kv::page_entries))
    for (std::int64_t i = 0; i < count; ++i) to[i] = std::max(to[i], shares[r] * weights[i]);
}

}  // namespace

// The weights that the rows of one head gave the entries of the first pages: of each block by the
// highest score that was known then, brought to what was the highest in the end.
void AttentionTile::sum_up(const KernelCall& call, const Part& part, const Noted& noted,
                           std::int64_t pages, const Running* running) const {
  const kv::View view(*call.cache, kind_.cache);
  const kv::Observed& observed = view.observed();
  const std::int64_t masses = view.layout().masses, mass = masses > 1 ? noted.shared : 0;
  float* sums = observed.sums(part.first, part.key_head * masses + mass);
  observed.summed(part.first, part.key_head) = pages * kv::page_entries;
  std::int64_t count = 0;
  for (std::int64_t page = 0; page < pages; page += ceil_div(count, kv::page_entries)) {
    count = observed.block(part.worker, page);
    const float* highest = observed.highest(part.worker, noted.head, page);
    float shares[rows];
    for (std::int64_t r = 0; r < part.count; ++r) {
      const bool counts =
          running[r].sum > 0 && view.observes(part.seq, call.i32(kind_.pos)[part.first + r]);
      shares[r] = counts
                      ? static_cast<float>(std::exp(highest[r] - running[r].most) / running[r].sum)
                      : 0.0F;
    }
    if (view.policy(part.seq).editor->replays()) {
      raise(sums + page * kv::page_entries, shares, observed.weights(part.worker, noted.head, page),
            part.count, count, noted.shared == mass);
      continue;
    }
    gemm_->block({.a = shares,
                  .a_m = rows,
                  .a_k = 1,
                  .b = observed.weights(part.worker, noted.head, page),
                  .b_k = round_up(count, kv::page_entries),
                  .c = sums + page * kv::page_entries,
                  .c_m = round_up(count, kv::page_entries),
                  .m = 1,
                  .n = count,
                  .k = part.count,
                  .first = noted.shared == mass});
  }
}

void AttentionTile::observe(const KernelCall& call, std::int64_t first, std::int64_t last,
                            std::int64_t key_head) const {
  const Part part = part_of(call, first, last, key_head, 0);
  if (!part.observed) return;
  const kv::View view(*call.cache, kind_.cache);
  const int head = static_cast<int>(key_head);
  const std::int64_t count =
      std::min(view.observed().summed(first, key_head), view.entries(head, part.seq));
  const std::int64_t masses = view.layout().masses;
  for (std::int64_t m = 0; m < masses; ++m) {
    const float* sums = view.observed().sums(first, key_head * masses + m);
    const bool replayed = view.policy(part.seq).editor->replays();
    for (std::int64_t i = 0; i < count; ++i) {
      float& all = view.page(head, part.seq, i / kv::page_entries)
                       .attention[m * kv::page_entries + i % kv::page_entries];
      all = replayed ? std::max(all, sums[i]) : all + sums[i];
    }
  }
}

AttentionTile::Part AttentionTile::part_of(const KernelCall& call, std::int64_t first,
                                           std::int64_t last, std::int64_t key_head,
                                           int worker) const {
  Part part{first, last - first, key_head, call.i32(kind_.seq)[first], worker, false};
  const kv::View view(*call.cache, kind_.cache);
  for (std::int64_t row = first; row < last; ++row)
    part.observed |= view.observes(part.seq, call.i32(kind_.pos)[row]);
  return part;
}

void AttentionTile::attend(const KernelCall& call, std::int64_t first, std::int64_t last,
                           std::int64_t key_head, int worker) const {
  const Part part = part_of(call, first, last, key_head, worker);
  const std::int64_t shared = s_.heads / s_.key_heads, head = key_head * shared;
  const auto at = [&](std::int64_t row) { return (row * s_.heads + head) * s_.value_width; };
  for (std::int64_t row = first; row < last; ++row)
    std::fill_n(call.out() + at(row), shared * s_.value_width, 0.0F);
  const bool turned = kv::View(*call.cache, kind_.cache).layout().keys.rotated();
  const std::int64_t together =
      turned ? std::min(most_heads, query_floats / (rows * s_.width)) : most_heads;
  for (std::int64_t h = 0; h < shared && part.seq >= 0; h += together)
    attend_heads(call, part, head + h, std::min(together, shared - h));
  for (std::int64_t row = first; row < last; ++row) call.finish(at(row), shared * s_.value_width);
}

}  // namespace pliant::native
