// Attention by blocks of queries over the keys that they may see: scores exist for one block and
// one head of keys at a time, and are computed again for the backward pass (FlashAttention, arXiv
// 2205.14135). The heads of queries that share a head of keys are rows of one product.
#include <algorithm>
#include <unordered_set>

#include "machine/torch/fused/fused.h"
#include "machine/torch/kernels/kernels.h"

namespace pliant::aten {
namespace {

// Queries of a block: with the heads that share keys some 512 rows of scores, which stay in the
// cache.
std::int64_t block_rows(std::int64_t shared) {
  return std::clamp<std::int64_t>(512 / shared, 32, 128);
}

// Queries [first, last) and the keys [low, high) that some of them see.
struct Block {
  std::int64_t first, last, low, high;
};

struct Sight {
  std::vector<std::int64_t> low, high;  // per row: the keys it sees, as rows
  std::vector<Block> blocks;
};

// Row after row of one sequence, with ascending positions.
bool set_run(const kind::Attention& kind, const std::int32_t* pos, std::int64_t first,
             std::int64_t last, std::int64_t step, Sight& sight) {
  std::int64_t low = first;
  for (std::int64_t row = first; row < last; ++row) {
    if (row > first && pos[row] <= pos[row - 1]) return false;
    if (kind.window > 0)
      while (std::int64_t{pos[row]} - pos[low] >= kind.window) ++low;
    sight.low[row] = low;
    sight.high[row] = kind.causal ? row + 1 : last;
  }
  for (std::int64_t row = first; row < last; row += step) {
    const std::int64_t end = std::min(last, row + step);
    sight.blocks.push_back({row, end, sight.low[row], sight.high[end - 1]});
  }
  return true;
}

std::optional<Sight> sight_of(const kind::Attention& kind, const at::Tensor& seq,
                              const at::Tensor& pos, std::int64_t step) {
  const std::int64_t rows = seq.numel();
  const auto *sequence = seq.data_ptr<std::int32_t>(), *position = pos.data_ptr<std::int32_t>();
  Sight sight{std::vector<std::int64_t>(rows, 0), std::vector<std::int64_t>(rows, 0), {}};
  std::unordered_set<std::int32_t> seen;
  for (std::int64_t first = 0; first < rows;) {
    std::int64_t last = first + 1;
    while (last < rows && sequence[last] == sequence[first]) ++last;
    if (sequence[first] >= 0) {
      if (!seen.insert(sequence[first]).second) return {};
      if (!set_run(kind, position, first, last, step, sight)) return {};
    }
    first = last;
  }
  return sight;
}

// Keys of one head.
at::Tensor part(const at::Tensor& heads, std::int64_t head, std::int64_t first, std::int64_t last) {
  return heads.select(1, head).narrow(0, first, last - first);
}

class FusedAttention : public Differentiable {
 public:
  FusedAttention(const kind::Attention& kind, Sight sight)
      : kind_(kind), sight_(std::move(sight)) {}

  Tensors forward(const Tensors& in) override {
    q_ = in[0].detach().to(at::kFloat);
    k_ = in[1].detach().to(at::kFloat);
    v_ = in[2].detach().to(at::kFloat);
    out_ = at::zeros({q_.size(0), q_.size(1), v_.size(2)});
    total_ = at::zeros({k_.size(1), q_.size(0) * shared()});
    for_passages(1, [&](const Passage& at) {
      at::Tensor scores = at.rooms[0];
      at::mm_out(scores, queries(q_, at), keys(at).t());
      with_scores(at, [](const kernels::Scores& described, std::int64_t rows) {
        kernels::best().scores(described, 0, rows);
      });
      put(out_, at, scores.mm(values(at)));
    });
    return {out_.variable_data()};
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>&) override {
    if (!gradients[0].defined()) return Tensors(3);
    const at::Tensor gradient = gradients[0].to(at::kFloat);
    inner_ = (gradient * out_)
                 .sum(2)
                 .view({q_.size(0), k_.size(1), shared()})
                 .permute({1, 0, 2})
                 .contiguous();
    const at::Tensor q = at::zeros(q_.sizes()), k = at::zeros(k_.sizes()),
                     v = at::zeros(v_.sizes());
    for_passages(3, [&](const Passage& at) { back(at, gradient, q, k, v); });
    return {q, k, v};
  }

 private:
  // One head of keys, one block of queries, and room for their scores [rows, keys].
  struct Passage {
    std::int64_t head;
    const Block& block;
    Tensors rooms;
  };

  std::int64_t shared() const { return q_.size(1) / k_.size(1); }
  std::int64_t rows_of(const Block& block) const { return (block.last - block.first) * shared(); }
  std::int64_t room() const {
    std::int64_t most = 0;
    for (const Block& each : sight_.blocks)
      most = std::max(most, rows_of(each) * (each.high - each.low));
    return most;
  }

  // Threads have heads of keys of their own, so that their sums never meet.
  template <typename Work>
  void for_passages(int rooms, const Work& work) const {
    at::parallel_for(0, k_.size(1), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_record;
      const at::Tensor all = at::empty({rooms, room()});
      for (std::int64_t head = begin; head < end; ++head)
        for (const Block& block : sight_.blocks) {
          const std::int64_t rows = rows_of(block), keys = block.high - block.low;
          Passage passage{head, block, {}};
          for (int i = 0; i < rooms; ++i)
            passage.rooms.push_back(all[i].narrow(0, 0, rows * keys).view({rows, keys}));
          work(passage);
        }
    });
  }

  // [queries * shared, width], the heads of one query behind each other.
  at::Tensor queries(const at::Tensor& of, const Passage& at) const {
    return of.narrow(0, at.block.first, at.block.last - at.block.first)
        .narrow(1, at.head * shared(), shared())
        .reshape({rows_of(at.block), of.size(2)});
  }
  void put(const at::Tensor& to, const Passage& at, const at::Tensor& rows) const {
    to.narrow(0, at.block.first, at.block.last - at.block.first)
        .narrow(1, at.head * shared(), shared())
        .copy_(rows.view({at.block.last - at.block.first, shared(), to.size(2)}));
  }
  at::Tensor keys(const Passage& at) const {
    return part(k_, at.head, at.block.low, at.block.high);
  }
  at::Tensor values(const Passage& at) const {
    return part(v_, at.head, at.block.low, at.block.high);
  }
  // Of the row that begins the block, in an array [heads of keys, rows * shared].
  float* first_row(const at::Tensor& array, const Passage& at) const {
    return array.data_ptr<float>() + (at.head * q_.size(0) + at.block.first) * shared();
  }

  template <typename Work>
  void with_scores(const Passage& at, const Work& work) const {
    const Block& block = at.block;
    std::vector<std::int64_t> low, high;
    for (std::int64_t row = block.first; row < block.last; ++row) {
      low.insert(low.end(), shared(), sight_.low[row] - block.low);
      high.insert(high.end(), shared(), sight_.high[row] - block.low);
    }
    work(kernels::Scores{block.high - block.low, low.data(), high.data(),
                         static_cast<float>(kind_.scale), static_cast<float>(kind_.cap),
                         at.rooms[0].data_ptr<float>(), first_row(total_, at)},
         rows_of(block));
  }

  void back(const Passage& at, const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k,
            const at::Tensor& v) const {
    at::Tensor scores = at.rooms[0], weights = at.rooms[1], of_weights = at.rooms[2];
    const at::Tensor own = queries(q_, at), above = queries(gradient, at);
    at::mm_out(scores, own, keys(at).t());
    at::mm_out(of_weights, above, values(at).t());
    with_scores(at, [&](const kernels::Scores& forward, std::int64_t rows) {
      kernels::best().scores_back(
          {forward, weights.data_ptr<float>(), of_weights.data_ptr<float>(), first_row(inner_, at)},
          0, rows);
    });
    put(q, at, scores.mm(keys(at)));
    part(k, at.head, at.block.low, at.block.high).addmm_(scores.t(), own);
    part(v, at.head, at.block.low, at.block.high).addmm_(weights.t(), above);
  }

  kind::Attention kind_;
  Sight sight_;
  at::Tensor q_, k_, v_, out_, total_, inner_;
};

}  // namespace

std::optional<at::Tensor> fused_attention(const kind::Attention& kind, const Tensors& in) {
  std::optional<Sight> sight = sight_of(kind, in[kind.seq].contiguous(), in[kind.pos].contiguous(),
                                        block_rows(in[kind.q].size(1) / in[kind.k].size(1)));
  if (!sight) return {};
  return with_backward(std::make_unique<FusedAttention>(kind, std::move(*sight)),
                       {in[kind.q], in[kind.k], in[kind.v]})[0];
}

}  // namespace pliant::aten
