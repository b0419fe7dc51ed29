// Attention over the entries of a cache: the rows of the run are appended, then each sees its
// sequence page by page in an online softmax. What a page adds depends on its entries alone, so a
// row's result does not depend on how many rows a run has, on its neighbours or on the threads.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.h"
#include "machine/native/ops/attention_tile.h"
#include "machine/native/ops/cache_queries.h"

namespace pliant::native {

namespace {

// query heads that share one reading of a page
constexpr std::int64_t most_heads = CacheQueries::most;

class CachedAttention : public OperatorKernel {
 public:
  CachedAttention(const kind::Attention& kind, const OperatorContext& context)
      : kind_(kind),
        place_(context.place),
        kernels_{&gemm_kernels(context.options.isa), &encoded_kernels(context.options.isa)},
        row_kernels_(&row_kernels(context.options.isa)),
        heads_(context.operands[kind.q].type.shape[1]),
        key_heads_(context.operands[kind.k].type.shape[1]),
        width_(context.operands[kind.k].type.shape[2]),
        value_width_(context.operands[kind.v].type.shape[2]),
        positions_(kind.has_bias ? context.operands[*kind.bias()].type.shape[1] : 0) {
    const AttentionTile::Sizes sizes{heads_, key_heads_, width_, value_width_, positions_};
    if (context.operands[kind.q].type.shape[0] > few_rows && AttentionTile::fits(sizes))
      tile_.emplace(kind, sizes, context.options.isa);
  }

  void run(const KernelCall& call) const override {
    const std::int64_t rows = call.elements / (heads_ * value_width_);
    const std::int64_t shared = heads_ / key_heads_,
                       batches = (shared + most_heads - 1) / most_heads;
    if (kind_.has_bias) check_positions(call, rows);
    each(call.pool, rows * key_heads_,
         [&](std::int64_t task) { append(call, task / key_heads_, task % key_heads_); });
    cache(call).advance(call.i32(kind_.seq), call.i32(kind_.pos), rows);
    if (tile_) attend_tiles(call, rows);
    else
      each(call.pool, rows * key_heads_ * batches, [&](std::int64_t task) {
        const std::int64_t row = task / batches / key_heads_,
                           key_head = task / batches % key_heads_;
        const std::int64_t first = key_head * shared + task % batches * most_heads;
        attend(call, {row, key_head, first, std::min(most_heads, (key_head + 1) * shared - first)});
      });
    if (!tile_ && any_observed(call, rows))
      each(call.pool, key_heads_, [&](std::int64_t key_head) { observe(call, rows, key_head); });
    sum_queries(call, rows);
    cache(call).edit(call.i32(kind_.seq), rows);
  }

 private:
  struct Part {  // of the result: query heads [first, first + count) of one row
    std::int64_t row, key_head, first, count;
  };
  struct Softmax {  // running, of one query head
    float most = unseen;
    double sum = 0;
  };

  // Of neighbouring rows those of one sequence together.
  void attend_tiles(const KernelCall& call, std::int64_t rows) const {
    const std::int64_t tiles = ceil_div(rows, AttentionTile::rows);
    const auto attend = [&](std::int64_t task, int worker) {
      each_part(call, rows, task / key_heads_, [&](std::int64_t first, std::int64_t last) {
        tile_->attend(call, first, last, task % key_heads_, worker);
      });
    };
    call.pool.parallel(tiles * key_heads_, std::ref(attend));
    if (any_observed(call, rows))
      each(call.pool, key_heads_, [&](std::int64_t key_head) {
        for (std::int64_t tile = 0; tile < tiles; ++tile)
          each_part(call, rows, tile, [&](std::int64_t first, std::int64_t last) {
            tile_->observe(call, first, last, key_head);
          });
      });
  }

  // visit(first, last) for the rows of a tile that are of one sequence
  template <typename Visit>
  void each_part(const KernelCall& call, std::int64_t rows, std::int64_t tile,
                 const Visit& visit) const {
    const std::int32_t* seq = call.i32(kind_.seq);
    const std::int64_t end = std::min(rows, (tile + 1) * AttentionTile::rows);
    for (std::int64_t row = tile * AttentionTile::rows; row < end;) {
      const std::int64_t last =
          std::find_if(seq + row, seq + end, [&](auto each) { return each != seq[row]; }) - seq;
      visit(row, last);
      row = last;
    }
  }

  void check_positions(const KernelCall& call, std::int64_t rows) const {
    for (std::int64_t r = 0; r < rows; ++r)
      if (call.i32(kind_.seq)[r] >= 0 && call.i32(kind_.pos)[r] >= positions_)
        throw Error(ErrorKind::invalid, place_,
                    "position " + std::to_string(call.i32(kind_.pos)[r]) +
                        " is outside of the bias, [0, " + std::to_string(positions_) + ")");
  }

  kv::View cache(const KernelCall& call) const { return {*call.cache, kind_.cache}; }

  void append(const KernelCall& call, std::int64_t row, std::int64_t head) const {
    const std::int32_t seq = call.i32(kind_.seq)[row];
    if (seq < 0) return;
    cache(call).each_owner(seq, call.i32(kind_.pos)[row],
                           [&](std::int32_t owner) { write(call, row, head, owner); });
  }

  void write(const KernelCall& call, std::int64_t row, std::int64_t head, std::int32_t seq) const {
    const kv::PageLayout& layout = cache(call).layout();
    const auto at = cache(call).slot(static_cast<int>(head), seq, call.i32(kind_.pos)[row]);
    at.page.position[at.entry] = call.i32(kind_.pos)[row];
    at.page.tag[at.entry] = call.i32(kind_.tag)[row];
    at.page.log_weight[at.entry] = 0;
    for (std::int64_t m = 0; m < layout.masses; ++m)
      at.page.attention[m * kv::page_entries + at.entry] = 0;
    const float* k = call.f32(kind_.k) + (row * key_heads_ + head) * width_;
    const float* v = call.f32(kind_.v) + (row * key_heads_ + head) * value_width_;
    layout.keys.write(k, at.page.keys + at.entry * layout.keys.bytes());
    layout.values.write(v, at.page.values + at.entry * layout.values.bytes());
  }

  // visit(page, seen) for each page of which the row sees something.
  template <typename Visit>
  void pages(const KernelCall& call, std::int64_t row, std::int64_t key_head,
             const Visit& visit) const {
    const std::int32_t seq = call.i32(kind_.seq)[row];
    if (seq < 0) return;
    const kv::View held = cache(call);
    const kv::Policy& policy = held.policy(seq);
    const int head = static_cast<int>(key_head);
    const std::int64_t entries = held.entries(head, seq);
    for (std::int64_t i = 0; i * kv::page_entries < entries; ++i) {
      const kv::Page page = held.page(head, seq, i);
      const Seen part =
          seen(kind_, policy, page, std::min(kv::page_entries, entries - i * kv::page_entries),
               call.i32(kind_.pos)[row]);
      if (part.first < part.last) visit(page, part);
    }
  }

  const float* query(const KernelCall& call, std::int64_t row, std::int64_t head) const {
    return call.f32(kind_.q) + (row * heads_ + head) * width_;
  }

  // Products become scores.
  void score(const KernelCall& call, std::int64_t row, std::int64_t head, const kv::Page& page,
             const Seen& part, float* scores) const {
    const float* bias = kind_.has_bias ? call.f32(*kind_.bias()) : nullptr;
    const auto scale = static_cast<float>(kind_.scale), cap = static_cast<float>(kind_.cap);
    for (std::int64_t i = 0; i < part.last; ++i) {
      if (part.add[i] == unseen) {
        scores[i] = unseen;
        continue;
      }
      scores[i] *= scale;
      if (cap > 0) scores[i] = cap * std::tanh(scores[i] / cap);
      if (bias != nullptr)
        scores[i] +=
            bias[(head * positions_ + call.i32(kind_.pos)[row]) * positions_ + page.position[i]];
      scores[i] += part.add[i];
    }
  }

  // Takes a page's scores, which become weights; returns what earlier sums are multiplied by.
  float take(Softmax& softmax, float* scores, std::int64_t count) const {
    const float most = std::max(softmax.most, row_kernels_->maximum(scores, count));
    const float keep = softmax.sum > 0 ? std::exp(softmax.most - most) : 0.0f;
    const double sum = row_kernels_->exponentials(scores, count, most, scores);
    softmax.sum = softmax.sum * keep + sum;
    softmax.most = most;
    return keep;
  }

  // Each stretch of entries that the row sees, in order.
  void weigh(const Seen& sees, const std::byte* values, const kv::RowCode& code,
             WeighedRows rows) const {
    static constexpr std::array<float, most_heads> as_it_is{1, 1, 1, 1, 1, 1, 1, 1};
    const float* weights = rows.weights;
    for (std::int64_t i = sees.first; i < sees.last;) {
      std::int64_t end = i;
      while (end < sees.last && sees.add[end] != unseen) ++end;
      rows.rows = values + i * code.bytes();
      rows.weights = weights + i;
      rows.count = end - i;
      kernels_.encoded->weigh(code.encoding(), rows);
      rows.keep = as_it_is.data();
      i = end;
      while (i < sees.last && sees.add[i] == unseen) ++i;
    }
  }

  void attend(const KernelCall& call, const Part& part) const {
    alignas(64) float scores[most_heads][kv::page_entries];
    alignas(64) float sums[most_heads * kv::widest_head];
    Softmax softmax[most_heads];
    const kv::PageLayout& layout = cache(call).layout();
    const CacheQueries queries(kernels_, layout.keys, query(call, part.row, part.first),
                               part.count);
    const std::int64_t step = layout.values.elements();
    std::fill_n(sums, part.count * step, 0.0F);
    pages(call, part.row, part.key_head, [&](const kv::Page& page, const Seen& sees) {
      queries.multiply(page.keys, sees.last, scores[0]);
      float keep[most_heads];
      for (std::int64_t h = 0; h < part.count; ++h) {
        score(call, part.row, part.first + h, page, sees, scores[h]);
        keep[h] = take(softmax[h], scores[h], sees.last);
      }
      weigh(sees, page.values, layout.values,
            {.row_bytes = layout.values.bytes(),
             .n = step,
             .weights = scores[0],
             .keep = keep,
             .weight_row = kv::page_entries,
             .results = part.count,
             .out = sums,
             .out_row = step});
    });
    for (std::int64_t h = 0; h < part.count; ++h)
      finish_head(call, part, h, layout.values, softmax[h], sums + h * step);
    call.finish((part.row * heads_ + part.first) * value_width_, part.count * value_width_);
  }

  void finish_head(const KernelCall& call, const Part& part, std::int64_t h,
                   const kv::RowCode& values, const Softmax& softmax, float* sums) const {
    if (values.rotated()) kv::rotate(sums, value_width_);
    const float norm = softmax.sum > 0 ? static_cast<float>(1 / softmax.sum) : 1;
    row_kernels_->affine(sums, value_width_, 0, norm,
                         call.out() + (part.row * heads_ + part.first + h) * value_width_);
  }

  bool observed(const KernelCall& call, std::int64_t row) const {
    return cache(call).observes(call.i32(kind_.seq)[row], call.i32(kind_.pos)[row]);
  }

  bool any_observed(const KernelCall& call, std::int64_t rows) const {
    for (std::int64_t row = 0; row < rows; ++row)
      if (observed(call, row)) return true;
    return false;
  }

  // Adds the weights that rows gave to entries, in the order of rows and heads; for sequences whose
  // Editor observes. Of few rows: tiles note theirs.
  void observe(const KernelCall& call, std::int64_t rows, std::int64_t key_head) const {
    const std::int64_t shared = heads_ / key_heads_;
    for (std::int64_t row = 0; row < rows; ++row) {
      if (!observed(call, row)) continue;
      for (std::int64_t h = 0; h < shared; ++h)
        observe_head(call, row, key_head, key_head * shared + h);
    }
  }

  void observe_head(const KernelCall& call, std::int64_t row, std::int64_t key_head,
                    std::int64_t head) const {
    alignas(64) float scores[kv::page_entries];
    const CacheQueries queries(kernels_, cache(call).layout().keys, query(call, row, head), 1);
    Softmax softmax;
    const bool apart = cache(call).layout().masses > 1;  // by query head
    const bool replayed = cache(call).policy(call.i32(kind_.seq)[row]).editor->replays();
    const std::int64_t from = apart ? (head % (heads_ / key_heads_)) * kv::page_entries : 0;
    for (const bool total : {true, false})
      pages(call, row, key_head, [&](const kv::Page& page, const Seen& sees) {
        queries.multiply(page.keys, sees.last, scores);
        score(call, row, head, page, sees, scores);
        if (total) {
          take(softmax, scores, sees.last);
          return;
        }
        row_kernels_->exponentials(scores, sees.last, softmax.most, scores);
        for (std::int64_t i = sees.first; i < sees.last; ++i) {
          float& all = page.attention[from + i];
          const auto weight = static_cast<float>(scores[i] / softmax.sum);
          all = replayed ? std::max(all, weight) : all + weight;
        }
      });
  }

  // For Editors that ask what queries to expect: those of the rows, turned back.
  void sum_queries(const KernelCall& call, std::int64_t rows) const {
    const std::int32_t *seq = call.i32(kind_.seq), *pos = call.i32(kind_.pos);
    for (std::int64_t first = 0; first < rows;) {
      if (!cache(call).sums_queries(seq[first], pos[first])) {
        ++first;
        continue;
      }
      std::int64_t last = first + 1;
      while (last < rows && seq[last] == seq[first]) ++last;
      const kv::Rotation& rotation = cache(call).policy(seq[first]).editor->expectation()->rotation;
      std::vector<kv::Turn> back;
      for (std::int64_t row = first; row < last; ++row)
        back.push_back(kv::turn(rotation, -std::int64_t{pos[row]}));
      each(call.pool, key_heads_, [&](std::int64_t key_head) {
        const auto sums = cache(call).queries(static_cast<int>(key_head), seq[first]);
        for (std::int64_t h = 0; h < std::ssize(sums); ++h) {
          std::vector<float> turned;
          for (std::int64_t row = first; row < last; ++row) {
            const float* q = query(call, row, key_head * std::ssize(sums) + h);
            turned.insert(turned.end(), q, q + width_);
            back[row - first].apply(std::span(turned).last(width_));
          }
          sums[h].add(turned);
        }
      });
      first = last;
    }
  }

  kind::Attention kind_;
  std::string place_;
  CacheKernels kernels_;
  const RowKernels* row_kernels_;
  std::int64_t heads_, key_heads_, width_, value_width_, positions_;
  std::optional<AttentionTile> tile_;  // of programs with many rows
};

}  // namespace

std::unique_ptr<OperatorKernel> cached_attention(const kind::Attention& kind,
                                                 const OperatorContext& context) {
  return std::make_unique<CachedAttention>(kind, context);
}

}  // namespace pliant::native
