// Max and mean pooling: taps along rows, or whole planes.
#include <algorithm>
#include <cmath>

#include "machine/native/ops/operator_kernel.h"
#include "machine/native/windows/band.h"
#include "machine/native/windows/tap_rows.h"

namespace pliant::native {

namespace {

class Pooling : public OperatorKernel {
 public:
  Pooling(const kind::Pool& kind, const OperatorContext& context)
      : kernels_(&tap_kernels(context.options.isa)),
        row_kernels_(&row_kernels(context.options.isa)),
        max_(kind.fn == kind::PoolFn::max),
        by_valid_(kind.divide_by_valid),
        batch_is_rows_(context.rows_out) {
    const Shape &x = context.operands[kind.x].type.shape, &result = context.results[0].shape;
    s_ = spatial_of(x, result, kind.size, kind.stride, kind.low, kind.dilation, false);
    batch_ = x[0];
    channels_ = x[1];
    const Spatial::Triple zeros{0, 0, 0}, ones{1, 1, 1};
    rows_ = TapRows(s_);  // refusal() has seen to it that one output fits
    tile_ = std::clamp<std::int64_t>(room / s_.stride[2] - rows_.length(0), 1, 256);
    band_ = Band(s_, context.options.isa);
    banded_ = context.options.bands && !context.prologue && Band::fits(s_);
    plane_ = s_.out == ones && s_.kernel == s_.in && s_.low == zeros && s_.dilation == ones &&
             !context.prologue;
    if (context.prologue) {
      const TensorType line{DType::f32, {rows_.length(tile_)}};
      prologue_.emplace(*context.prologue, std::span(&line, 1), line, context.options);
    }
  }

  void run(const KernelCall& call) const override {
    const std::int64_t planes = call.rows.scale(batch_, batch_is_rows_) * channels_,
                       pixels = s_.outputs();
    const std::int64_t grain =
        std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(s_.inputs(), 1));
    pieces(call.pool, planes, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t plane = first; plane < last; ++plane) {
        const float* x = call.f32(kind::Pool::x) + plane * s_.inputs();
        float* out = call.out() + plane * pixels;
        if (plane_) *out = whole(x);
        else if (banded_) run_bands(x, out);
        else run_plane(x, out);
      }
      call.finish(first * pixels, (last - first) * pixels);
    });
  }

 private:
  // floats and taps brought before they are folded
  static constexpr std::int64_t room = pool_room, most = 64;

  float whole(const float* x) const {
    if (max_) return row_kernels_->maximum(x, s_.inputs());
    return static_cast<float>(row_kernels_->sum(x, s_.inputs()) / s_.inputs());
  }

  void run_bands(const float* x, float* out) const {
    alignas(64) float brought[Band::room + Band::beyond];
    for (std::int64_t line = 0; line < s_.out[1]; line += band_.lines()) {
      const std::int64_t lines = std::min(band_.lines(), s_.out[1] - line);
      band_.bring(x, line, lines, max_ ? -HUGE_VALF : 0.0f, brought);
      const TapLines taps{.from = brought,
                          .step = band_.step(),
                          .offsets = band_.offsets().data(),
                          .taps = s_.taps(),
                          .out = out + line * s_.out[2],
                          .width = s_.out[2],
                          .lines = lines};
      (max_ ? kernels_->maximum_lines : kernels_->sum_lines)(taps);
      for (std::int64_t l = line; !max_ && l < line + lines; ++l)
        divide(met(l), 0, s_.out[2], out + l * s_.out[2]);
    }
  }

  std::int64_t met(std::int64_t line) const {  // rows of the window inside of the input
    std::int64_t count = 0;
    for (std::int64_t ky = 0; ky < s_.kernel[1]; ++ky) count += s_.meets(1, line, ky) >= 0 ? 1 : 0;
    return count;
  }

  void run_plane(const float* x, float* out) const {
    for (std::int64_t line = 0; line < s_.out[0] * s_.out[1]; ++line)
      for (std::int64_t first = 0; first < s_.out[2]; first += tile_)
        run_tile(x, line, first, std::min(tile_, s_.out[2] - first),
                 out + line * s_.out[2] + first);
  }

  // One input row after the other; its taps are folded into what the rows before it gave.
  void run_tile(const float* x, std::int64_t line, std::int64_t first, std::int64_t n,
                float* out) const {
    alignas(64) float brought[room];
    const float* taps[most];
    std::int64_t count = 0, lines = 0, used = 0;
    std::fill_n(out, n, max_ ? -HUGE_VALF : 0.0f);
    for (std::int64_t kz = 0; kz < s_.kernel[0]; ++kz) {
      for (std::int64_t ky = 0; ky < s_.kernel[1]; ++ky) {
        const std::int64_t z = s_.meets(0, line / s_.out[1], kz),
                           y = s_.meets(1, line % s_.out[1], ky);
        if (z < 0 || y < 0) continue;
        ++lines;
        if (used + rows_.floats(n) > room) flush(taps, count, used, out, n);
        float* to = brought + used;
        bring(x + (z * s_.in[1] + y) * s_.in[2], first, n, to);
        used += rows_.floats(n);
        for (std::int64_t t = 0; t < s_.kernel[2]; ++t) {
          if (count == most) flush(taps, count, out, n);
          taps[count++] = rows_.tap(to, t, n);
        }
      }
    }
    flush(taps, count, out, n);
    if (!max_) divide(lines, first, n, out);
  }

  void flush(const float** taps, std::int64_t& count, float* out, std::int64_t n) const {
    if (count > 0) (max_ ? kernels_->maximum : kernels_->sum)(taps, count, out, n);
    count = 0;
  }

  void flush(const float** taps, std::int64_t& count, std::int64_t& used, float* out,
             std::int64_t n) const {
    flush(taps, count, out, n);
    used = 0;
  }

  void bring(const float* row, std::int64_t first, std::int64_t n, float* to) const {
    rows_.bring(row, first, n, max_ ? -HUGE_VALF : 0.0f, to);
    if (!prologue_) return;
    // the filling is pooled as it is
    for (std::int64_t phase = 0; phase < rows_.phases(); ++phase) {
      const TapRows::Part part = rows_.inside(phase, first, n);
      const auto* data = reinterpret_cast<const std::byte*>(to + phase * rows_.length(n));
      prologue_->apply({&data, 1}, reinterpret_cast<std::byte*>(to + phase * rows_.length(n)),
                       part.first, part.last - part.first);
    }
  }

  void divide(std::int64_t lines, std::int64_t first, std::int64_t n, float* out) const {
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t divisor = s_.taps();
      if (by_valid_) {
        divisor = 0;
        for (std::int64_t t = 0; t < s_.kernel[2]; ++t)
          divisor += first + j >= s_.valid(t).first && first + j < s_.valid(t).last ? 1 : 0;
        divisor = std::max<std::int64_t>(divisor * lines, 1);
      }
      out[j] /= divisor;
    }
  }

  const TapKernels* kernels_;
  const RowKernels* row_kernels_;
  bool max_, by_valid_, batch_is_rows_, plane_ = false;
  std::int64_t batch_ = 0, channels_ = 0;
  std::optional<Pointwise> prologue_;
  std::int64_t tile_ = 1;  // outputs at a time
  Spatial s_;
  TapRows rows_{s_};
  Band band_{s_, Isa::scalar};
  bool banded_ = false;
};

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Pool& kind, const OperatorContext& context) {
  return std::make_unique<Pooling>(kind, context);
}

}  // namespace pliant::native
