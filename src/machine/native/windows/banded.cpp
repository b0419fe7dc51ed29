#include "machine/native/windows/banded.h"

#include <algorithm>

#include "core/checked.h"
#include "machine/native/windows/band.h"

namespace pliant::native {

namespace {

constexpr std::int64_t room = 32768;  // floats of the lines of some channels
constexpr std::int64_t most_lines = 8;

class Banded : public OperatorKernel {
 public:
  Banded(const ConvolveSizes& sizes, Spatial s, const OperatorContext& context)
      : gemm_(&gemm_kernels(context.options.isa)),
        z_(sizes),
        s_(std::move(s)),
        band_(s_, context.options.isa, most_lines),
        batch_is_rows_(context.rows_out) {
    // As many lines as hold all channels, if that is more than a few; else some channels at a time.
    const std::int64_t line = Band(s_, context.options.isa, 1).plane();
    const std::int64_t lines =
        std::clamp<std::int64_t>(room / std::max<std::int64_t>(z_.in * line, 1), 2, most_lines);
    band_ = Band(s_, context.options.isa, lines);
    deep_ = std::min(room / band_.plane(), z_.in);
    for (std::int64_t channel = 0; channel < deep_; ++channel)
      for (const std::int64_t offset : band_.offsets())
        rows_of_b_.push_back(channel * band_.plane() + offset);
  }

  void run(const KernelCall& call) const override {
    const std::int64_t images = call.rows.scale(z_.batch, batch_is_rows_) * z_.groups;
    const std::int64_t bands = ceil_div(s_.out[1], band_.lines());
    each(call.pool, images * bands, [&](std::int64_t task) {
      const std::int64_t first = task % bands * band_.lines();
      run_band(call, task / bands, first, std::min(band_.lines(), s_.out[1] - first));
    });
  }

 private:
  void run_band(const KernelCall& call, std::int64_t image, std::int64_t first,
                std::int64_t lines) const {
    alignas(64) float brought[room + Band::beyond];
    const std::int64_t taps = s_.taps(), pixels = s_.outputs(), width = s_.out[2];
    const float* weights = call.f32(kind::Convolve::w) + image % z_.groups * z_.out * z_.in * taps;
    const std::int64_t at = image * z_.out * pixels + first * width;
    for (std::int64_t from = 0; from < z_.in; from += deep_) {
      const std::int64_t deep = std::min(deep_, z_.in - from);
      for (std::int64_t channel = 0; channel < deep; ++channel)
        band_.bring(call.f32(kind::Convolve::x) + (image * z_.in + from + channel) * s_.inputs(),
                    first, lines, 0, brought + channel * band_.plane());
      for (std::int64_t line = 0; line < lines; ++line)
        gemm_->block({.a = weights + from * taps,
                      .a_m = z_.in * taps,
                      .a_k = 1,
                      .b = brought + line * band_.step(),
                      .b_rows = rows_of_b_.data(),
                      .padded = true,
                      .c = call.out() + at + line * width,
                      .c_m = pixels,
                      .m = z_.out,
                      .n = width,
                      .k = deep * taps,
                      .first = from == 0});
    }
    for (std::int64_t o = 0; o < z_.out; ++o) call.finish(at + o * pixels, lines * width);
  }

  const GemmKernels* gemm_;
  ConvolveSizes z_;
  Spatial s_;
  Band band_;
  bool batch_is_rows_;
  std::int64_t deep_ = 1;                // channels at a time
  std::vector<std::int64_t> rows_of_b_;  // by channel and tap
};

}  // namespace

bool banded_fits(const ConvolveSizes& sizes, const Spatial& s) {
  if (!Band::fits(s) || s.taps() == 1) return false;
  if (s.out[2] < 8 && sizes.out <= 16) return true;  // gathering so short runs takes longest
  const std::int64_t unused = round_up(s.out[2], 16) - s.out[2];
  return unused * sizes.out <= 24 * s.out[2];
}

std::unique_ptr<OperatorKernel> banded(const ConvolveSizes& sizes, const Spatial& s,
                                       const OperatorContext& context) {
  return std::make_unique<Banded>(sizes, s, context);
}

}  // namespace pliant::native
