// Attention by blocks of queries over the keys that they may see: scores exist for one block and
// head at a time, and are computed again for the backward pass (FlashAttention, arXiv 2205.14135).
#include <ATen/ops/mm.h>

#include <algorithm>
#include <unordered_set>

#include "machine/torch/fused/fused.h"
#include "machine/torch/kernels/kernels.h"

namespace pliant::aten {
namespace {

constexpr std::int64_t block_rows = 128;

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
             std::int64_t last, Sight& sight) {
  std::int64_t low = first;
  for (std::int64_t row = first; row < last; ++row) {
    if (row > first && pos[row] <= pos[row - 1]) return false;
    if (kind.window > 0)
      while (std::int64_t{pos[row]} - pos[low] >= kind.window) ++low;
    sight.low[row] = low;
    sight.high[row] = kind.causal ? row + 1 : last;
  }
  for (std::int64_t row = first; row < last; row += block_rows) {
    const std::int64_t end = std::min(last, row + block_rows);
    sight.blocks.push_back({row, end, sight.low[row], sight.high[end - 1]});
  }
  return true;
}

std::optional<Sight> sight_of(const kind::Attention& kind, const at::Tensor& seq,
                              const at::Tensor& pos) {
  const std::int64_t rows = seq.numel();
  const auto *sequence = seq.data_ptr<std::int32_t>(), *position = pos.data_ptr<std::int32_t>();
  Sight sight{std::vector<std::int64_t>(rows, 0), std::vector<std::int64_t>(rows, 0), {}};
  std::unordered_set<std::int32_t> seen;
  for (std::int64_t first = 0; first < rows;) {
    std::int64_t last = first + 1;
    while (last < rows && sequence[last] == sequence[first]) ++last;
    if (sequence[first] >= 0) {
      if (!seen.insert(sequence[first]).second) return {};
      if (!set_run(kind, position, first, last, sight)) return {};
    }
    first = last;
  }
  return sight;
}

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
    total_ = at::zeros({q_.size(1), q_.size(0)});
    at::parallel_for(0, k_.size(1), 1, [&](std::int64_t begin, std::int64_t end) {
      at::Tensor scores = at::empty({room()});
      for (std::int64_t head = begin * shared(); head < end * shared(); ++head)
        for (const Block& block : sight_.blocks) attend(head, block, scores);
    });
    return {out_.variable_data()};
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>&) override {
    if (!gradients[0].defined()) return Tensors(3);
    const at::Tensor gradient = gradients[0].to(at::kFloat);
    inner_ = (gradient * out_).sum(2).t().contiguous();
    const at::Tensor q = at::zeros(q_.sizes()), k = at::zeros(k_.sizes()),
                     v = at::zeros(v_.sizes());
    at::parallel_for(0, k_.size(1), 1, [&](std::int64_t begin, std::int64_t end) {
      at::Tensor scores = at::empty({room()}), weights = at::empty({room()}),
                 of_weights = at::empty({room()});
      for (std::int64_t head = begin * shared(); head < end * shared(); ++head)
        for (const Block& block : sight_.blocks) {
          const std::int64_t rows = block.last - block.first, keys = block.high - block.low;
          const auto room_of = [&](const at::Tensor& all) {
            return all.narrow(0, 0, rows * keys).view({rows, keys});
          };
          const Passage own{head, block, room_of(scores), room_of(weights), room_of(of_weights)};
          back(own, gradient, q, k, v);
        }
    });
    return {q, k, v};
  }

 private:
  struct Passage {
    std::int64_t head;
    const Block& block;
    at::Tensor scores, weights, of_weights;
  };

  std::int64_t shared() const { return q_.size(1) / k_.size(1); }
  std::int64_t room() const {
    std::int64_t most = 0;
    for (const Block& each : sight_.blocks)
      most = std::max(most, (each.last - each.first) * (each.high - each.low));
    return most;
  }
  at::Tensor keys(const Block& block, std::int64_t head) const {
    return part(k_, head / shared(), block.low, block.high);
  }
  at::Tensor values(const Block& block, std::int64_t head) const {
    return part(v_, head / shared(), block.low, block.high);
  }

  template <typename Work>
  void with_scores(std::int64_t head, const Block& block, at::Tensor& scores,
                   const Work& work) const {
    std::vector<std::int64_t> low, high;
    for (std::int64_t row = block.first; row < block.last; ++row) {
      low.push_back(sight_.low[row] - block.low);
      high.push_back(sight_.high[row] - block.low);
    }
    const kernels::Scores at{block.high - block.low,
                             low.data(),
                             high.data(),
                             static_cast<float>(kind_.scale),
                             static_cast<float>(kind_.cap),
                             scores.data_ptr<float>(),
                             total_.data_ptr<float>() + head * q_.size(0) + block.first};
    work(at);
  }

  void attend(std::int64_t head, const Block& block, at::Tensor& room) {
    const std::int64_t rows = block.last - block.first, count = block.high - block.low;
    at::Tensor scores = room.narrow(0, 0, rows * count).view({rows, count});
    at::mm_out(scores, part(q_, head, block.first, block.last), keys(block, head).t());
    with_scores(head, block, scores,
                [&](const kernels::Scores& at) { kernels::best().scores(at, 0, rows); });
    at::Tensor out = part(out_, head, block.first, block.last);
    out.addmm_(scores, values(block, head));
  }

  void back(Passage own, const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k,
            const at::Tensor& v) const {
    const Block& block = own.block;
    const std::int64_t rows = block.last - block.first, group = own.head / shared();
    const at::Tensor queries = part(q_, own.head, block.first, block.last),
                     above = part(gradient, own.head, block.first, block.last);
    at::mm_out(own.scores, queries, keys(block, own.head).t());
    at::mm_out(own.of_weights, above, values(block, own.head).t());
    with_scores(own.head, block, own.scores, [&](const kernels::Scores& at) {
      kernels::best().scores_back(
          {at, own.weights.data_ptr<float>(), own.of_weights.data_ptr<float>(),
           inner_.data_ptr<float>() + own.head * q_.size(0) + block.first},
          0, rows);
    });
    part(q, own.head, block.first, block.last).addmm_(own.scores, keys(block, own.head));
    part(k, group, block.low, block.high).addmm_(own.scores.t(), queries);
    part(v, group, block.low, block.high).addmm_(own.weights.t(), above);
  }

  kind::Attention kind_;
  Sight sight_;
  at::Tensor q_, k_, v_, out_, total_, inner_;
};

}  // namespace

std::optional<at::Tensor> fused_attention(const kind::Attention& kind, const Tensors& in) {
  std::optional<Sight> sight = sight_of(kind, in[kind.seq].contiguous(), in[kind.pos].contiguous());
  if (!sight) return {};
  return with_backward(std::make_unique<FusedAttention>(kind, std::move(*sight)),
                       {in[kind.q], in[kind.k], in[kind.v]})[0];
}

}  // namespace pliant::aten
