// Attention over packed rows: an online softmax over blocks of the rows that a row sees, in their
// order. A row's result depends on the rows it sees and on nothing else.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

constexpr std::int64_t key_block = 64;

class AttentionKernel : public OperatorKernel {
 public:
  AttentionKernel(const kind::Attention& kind, const OperatorContext& context)
      : kind_(kind),
        place_(context.place),
        gemm_(&gemm_kernels(context.options.isa)),
        rows_(&row_kernels(context.options.isa)) {
    const Shape &q = context.operands[kind.q].type.shape, &k = context.operands[kind.k].type.shape;
    capacity_ = q[0];
    heads_ = q[1];
    key_heads_ = k[1];
    width_ = q[2];
    value_width_ = context.operands[kind.v].type.shape[2];
    if (const auto bias = kind.bias()) positions_ = context.operands[*bias].type.shape[1];
  }

  void run(const KernelCall& call) const override {
    const std::int64_t rows = call.elements / (heads_ * value_width_);
    if (kind_.has_bias) check_positions(call, rows);
    each(call.pool, rows * heads_, [&](std::int64_t task) {
      const std::int64_t row = task / heads_, head = task % heads_;
      attend(call, row, head, rows);
      call.finish(task * value_width_, value_width_);
    });
  }

 private:
  // Scores, then the running maximum, sum and weighted values of one row and head.
  struct State {
    std::int64_t keys[key_block];
    float scores[key_block + 16];
    std::int64_t count = 0;
    float most = -std::numeric_limits<float>::infinity();
    double sum = 0;
  };

  void check_positions(const KernelCall& call, std::int64_t rows) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int32_t at = call.i32(kind_.pos)[r];
      if (call.i32(kind_.seq)[r] >= 0 && (at < 0 || at >= positions_))
        throw Error(ErrorKind::invalid, place_,
                    "position " + std::to_string(at) + " is outside of the bias, [0, " +
                        std::to_string(positions_) + ")");
    }
  }

  bool sees(const KernelCall& call, std::int64_t i, std::int64_t j) const {
    const std::int32_t *seq = call.i32(kind_.seq), *pos = call.i32(kind_.pos);
    if (seq[i] != seq[j] || seq[i] < 0) return false;
    const std::int64_t distance = std::int64_t{pos[i]} - pos[j];
    if (kind_.causal && distance < 0) return false;
    if (kind_.window > 0 && distance >= kind_.window) return false;
    const auto tree = kind_.tree();
    return !tree || call.data(*tree)[i * capacity_ + j] != std::byte{0};
  }

  void attend(const KernelCall& call, std::int64_t row, std::int64_t head,
              std::int64_t rows) const {
    State state;
    float* out = call.out() + (row * heads_ + head) * value_width_;
    std::fill_n(out, value_width_, 0.0f);
    for (std::int64_t j = 0; j < rows; ++j) {
      if (!sees(call, row, j)) continue;
      state.keys[state.count++] = j;
      if (state.count == key_block) take(call, row, head, state, out);
    }
    if (state.count > 0) take(call, row, head, state, out);
    if (state.sum > 0) rows_->affine(out, value_width_, 0, static_cast<float>(1 / state.sum), out);
  }

  void take(const KernelCall& call, std::int64_t row, std::int64_t head, State& state,
            float* out) const {
    const std::int64_t key_head = head / (heads_ / key_heads_);
    score(call, row, head, key_head, state);
    const float most = std::max(state.most, rows_->maximum(state.scores, state.count));
    float keep = state.sum > 0 ? std::exp(state.most - most) : 0.0f;
    const double sum = rows_->exponentials(state.scores, state.count, most, state.scores);
    state.sum = state.sum * keep + sum;
    state.most = most;
    for (std::int64_t i = 0; i < state.count; ++i) {
      const float* v = call.f32(kind_.v) + (state.keys[i] * key_heads_ + key_head) * value_width_;
      rows_->multiply_add(out, keep, state.scores[i], v, value_width_);
      keep = 1;
    }
    state.count = 0;
  }

  // Runs of neighbouring rows share one call.
  void score(const KernelCall& call, std::int64_t row, std::int64_t head, std::int64_t key_head,
             State& state) const {
    const float* q = call.f32(kind_.q) + (row * heads_ + head) * width_;
    const std::int64_t stride = key_heads_ * width_;
    for (std::int64_t i = 0; i < state.count;) {
      std::int64_t n = 1;
      while (i + n < state.count && state.keys[i + n] == state.keys[i] + n) ++n;
      gemm_->dots(q, call.f32(kind_.k) + state.keys[i] * stride + key_head * width_, stride, width_,
                  n, state.scores + i);
      i += n;
    }
    const auto scale = static_cast<float>(kind_.scale), cap = static_cast<float>(kind_.cap);
    const std::int32_t* pos = call.i32(kind_.pos);
    const float* bias = kind_.has_bias ? call.f32(*kind_.bias()) : nullptr;
    for (std::int64_t i = 0; i < state.count; ++i) {
      state.scores[i] *= scale;
      if (cap > 0) state.scores[i] = cap * std::tanh(state.scores[i] / cap);
      if (bias != nullptr)
        state.scores[i] += bias[(head * positions_ + pos[row]) * positions_ + pos[state.keys[i]]];
    }
  }

  kind::Attention kind_;
  std::string place_;
  const GemmKernels* gemm_;
  const RowKernels* rows_;
  std::int64_t heads_ = 1, key_heads_ = 1, width_ = 1, value_width_ = 1, positions_ = 0,
               capacity_ = 0;
};

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Attention& kind,
                                        const OperatorContext& context) {
  if (kind.cache >= 0) return cached_attention(kind, context);
  return std::make_unique<AttentionKernel>(kind, context);
}

}  // namespace pliant::native
