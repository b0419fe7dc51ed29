#include <cmath>

#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

class RotaryKernel : public OperatorKernel {
 public:
  RotaryKernel(const kind::Rotary& kind, const OperatorContext& context)
      : kind_(kind),
        heads_(context.operands[kind.x].type.shape[1]),
        width_(context.operands[kind.x].type.shape[2]) {
    const double dims = static_cast<double>(kind.dims);
    for (std::int64_t i = 0; i < kind.dims / 2; ++i)
      frequencies_.push_back(std::pow(kind.base, -2.0 * i / dims) * kind.scaling);
  }

  void run(const KernelCall& call) const override {
    const std::int64_t rows = call.elements / (heads_ * width_), line = heads_ * width_;
    const float* factors = call.operands.size() > kind_.factors ? call.f32(kind_.factors) : nullptr;
    pieces(call.pool, rows, 8, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r)
        rotate(call.f32(kind_.x) + r * line, call.i32(kind_.pos)[r], factors,
               call.out() + r * line);
      call.finish(first * line, (last - first) * line);
    });
  }

 private:
  void rotate(const float* x, std::int32_t position, const float* factors, float* out) const {
    const bool halves = kind_.style == kind::RotaryStyle::halves;
    const std::int64_t half = kind_.dims / 2, step = halves ? half : 1;
    for (std::int64_t i = 0; i < half; ++i) {
      const double slower = factors == nullptr ? 1 : factors[i];
      const double angle = position * frequencies_[i] / slower;
      const auto cosine = static_cast<float>(std::cos(angle)),
                 sine = static_cast<float>(std::sin(angle));
      for (std::int64_t h = 0; h < heads_; ++h) {
        const std::int64_t at = h * width_ + (halves ? i : 2 * i);
        const float a = x[at], b = x[at + step];
        out[at] = a * cosine - b * sine;
        out[at + step] = a * sine + b * cosine;
      }
    }
    for (std::int64_t h = 0; h < heads_; ++h)
      for (std::int64_t i = kind_.dims; i < width_; ++i) out[h * width_ + i] = x[h * width_ + i];
  }

  kind::Rotary kind_;
  std::int64_t heads_, width_;
  std::vector<double> frequencies_;
};

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Rotary& kind, const OperatorContext& context) {
  return std::make_unique<RotaryKernel>(kind, context);
}

}  // namespace pliant::native
