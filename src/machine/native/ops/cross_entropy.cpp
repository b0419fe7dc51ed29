// Loss per row over a vocabulary whose logits never exist: they are made and consumed in blocks,
// online.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

class CrossEntropyKernel : public OperatorKernel {
 public:
  explicit CrossEntropyKernel(const OperatorContext& context)
      : place_(context.place),
        gemm_(&gemm_kernels(context.options.isa)),
        rows_(&row_kernels(context.options.isa)),
        width_(context.operands[kind::CrossEntropy::hidden].type.shape[1]),
        entries_(context.operands[kind::CrossEntropy::table].type.shape[0]) {}

  void run(const KernelCall& call) const override {
    const std::int64_t rows = call.elements;
    const std::int32_t* target = call.i32(kind::CrossEntropy::target);
    for (std::int64_t r = 0; r < rows; ++r)
      if (target[r] >= entries_)
        throw Error(
            ErrorKind::invalid, place_,
            "target " + std::to_string(target[r]) + " is not below " + std::to_string(entries_));
    pieces(call.pool, rows, row_block, [&](std::int64_t first, std::int64_t last) {
      run_rows(call, first, last - first);
      call.finish(first, last - first);
    });
  }

 private:
  static constexpr std::int64_t row_block = 8, entry_block = 64;

  struct State {
    float most = -std::numeric_limits<float>::infinity();
    double sum = 0, target = 0;
  };

  void run_rows(const KernelCall& call, std::int64_t first, std::int64_t n) const {
    State states[row_block];
    const std::int32_t* target = call.i32(kind::CrossEntropy::target) + first;
    for (std::int64_t entry = 0; entry < entries_; entry += entry_block) {
      const std::int64_t count = std::min(entry_block, entries_ - entry);
      for (std::int64_t r = 0; r < n; ++r) {
        float logits[entry_block];
        gemm_->dots(call.f32(kind::CrossEntropy::hidden) + (first + r) * width_,
                    call.f32(kind::CrossEntropy::table) + entry * width_, width_, width_, count,
                    logits);
        if (target[r] >= entry && target[r] < entry + count)
          states[r].target = static_cast<double>(logits[target[r] - entry]);
        take(states[r], logits, count);
      }
    }
    for (std::int64_t r = 0; r < n; ++r) {
      const double logsumexp = static_cast<double>(states[r].most) + std::log(states[r].sum);
      call.out(kind::CrossEntropy::nll)[first + r] =
          target[r] < 0 ? 0.0f : static_cast<float>(logsumexp - states[r].target);
      call.out(kind::CrossEntropy::logsumexp)[first + r] = static_cast<float>(logsumexp);
    }
  }

  void take(State& state, const float* logits, std::int64_t count) const {
    const float most = std::max(state.most, rows_->maximum(logits, count));
    const double keep =
        state.sum > 0 ? std::exp(static_cast<double>(state.most) - static_cast<double>(most)) : 0.0;
    state.sum = state.sum * keep + rows_->exponentials(logits, count, most, nullptr);
    state.most = most;
  }

  std::string place_;
  const GemmKernels* gemm_;
  const RowKernels* rows_;
  std::int64_t width_, entries_;
};

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::CrossEntropy&, const OperatorContext& context) {
  return std::make_unique<CrossEntropyKernel>(context);
}

}  // namespace pliant::native
