// Convolution as a matrix product whose right-hand side is gathered from the input panel by panel,
// on the stack (implicit im2col); one kernel of its own where each channel meets only itself.
#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "machine/native/ops/operator_kernel.h"
#include "machine/native/ops/panel.h"
#include "machine/native/windows/band.h"
#include "machine/native/windows/banded.h"
#include "machine/native/windows/spatial.h"
#include "machine/native/windows/tap_rows.h"
#include "machine/native/windows/winograd.h"

namespace pliant::native {

namespace {

using Sizes = ConvolveSizes;

class Convolution : public OperatorKernel {
 public:
  Convolution(const Sizes& sizes, Spatial spatial, const Options& options)
      : kernels_(&gemm_kernels(options.isa)),
        z_(sizes),
        s_(std::move(spatial)),
        packs_(options.packs) {
    const Spatial::Triple zeros{0, 0, 0}, ones{1, 1, 1};
    pointwise_ = !s_.transposed && s_.kernel == ones && s_.stride == ones && s_.low == zeros &&
                 s_.in == s_.out;
  }

  const std::byte* fix(std::size_t k, const Stored& weight, SharedWeights& shared) override {
    const std::byte* data = plain(weight, shared);
    if (k != kind::Convolve::w || !packs_ || s_.transposed || z_.out % strip_height != 0)
      return data;
    const auto* weights = reinterpret_cast<const float*>(data);
    packed_ = shared.packed(data, "strips", [&] { return strips(weights); });
    return data;
  }

  void run(const KernelCall& call) const override {
    const std::int64_t pixels = s_.outputs(), wide = panel_columns(pixels),
                       panels = ceil_div(pixels, wide);
    const std::int64_t batch = call.rows.scale(z_.batch, batch_is_rows);
    const std::int64_t whole = std::max<std::int64_t>(batch * z_.groups * panels, 1);
    const std::int64_t tall = strip_rows(z_.out, whole, call.pool.threads());
    const std::int64_t strips = ceil_div(z_.out, tall);
    each(call.pool, batch * z_.groups * panels * strips, [&](std::int64_t task) {
      Part part;
      part.first = task % panels * wide;
      part.pixels = std::min(wide, pixels - part.first);
      part.out = task / panels % strips * tall;
      part.channels = std::min(tall, z_.out - part.out);
      part.image = task / panels / strips;  // batch and group
      run_part(call, part);
    });
  }

  bool batch_is_rows = false;

 private:
  struct Part {
    std::int64_t image, out, channels, first, pixels;
  };

  void run_part(const KernelCall& call, const Part& part) const {
    alignas(64) float panel[panel_floats];
    const std::int64_t group = part.image % z_.groups, taps = s_.taps(), pixels = s_.outputs();
    const float* x = call.f32(kind::Convolve::x) + part.image * z_.in * s_.inputs();
    const std::int64_t c = (part.image * z_.out + part.out) * pixels + part.first;
    GemmBlock block{
        .b = panel, .b_k = round_up(part.pixels, 16), .padded = true, .c = call.out() + c};
    block.c_m = pixels;
    block.m = part.channels;
    block.n = part.pixels;
    if (s_.transposed) {  // weights [in, out, taps]: one product over the input channels per tap
      block.a_m = taps;
      block.a_k = z_.out * taps;
      const float* w = call.f32(kind::Convolve::w) + (group * z_.in * z_.out + part.out) * taps;
      for (std::int64_t tap = 0; tap < taps; ++tap)
        multiply(
            block, w + tap, x, part, z_.in, [&](std::int64_t k) { return std::pair(k, tap); },
            panel);
    } else {  // weights [out, in, taps]
      const std::int64_t depth = z_.in * taps, first = (group * z_.out + part.out) * depth;
      block.a_m = packed_ ? 1 : depth;
      block.a_k = packed_ ? strip_height : 1;
      block.a_strip = packed_ ? strip_height * depth : 0;
      multiply(
          block, (packed_ ? packed_->span<float>().data() : call.f32(kind::Convolve::w)) + first, x,
          part, z_.in * taps, [&](std::int64_t k) { return std::pair(k / taps, k % taps); }, panel);
    }
    for (std::int64_t o = 0; o < part.channels; ++o) call.finish(c + o * pixels, part.pixels);
  }

  // Adds the product over `depth` terms, each a (channel, tap), in as many panels as it takes.
  template <typename Term>
  void multiply(GemmBlock& block, const float* w, const float* x, const Part& part,
                std::int64_t depth, const Term& term, float* panel) const {
    const std::int64_t deep = panel_floats / block.b_k;
    for (std::int64_t k = 0; k < depth; k += deep) {
      block.k = std::min(deep, depth - k);
      block.a = w + k * block.a_k;
      if (direct(part)) {
        block.b = x + k * s_.inputs() + part.first;
        block.b_k = s_.inputs();
        kernels_->block(block);
        return;
      }
      for (std::int64_t p = 0; p < block.k; ++p) {
        const auto [channel, tap] = term(k + p);
        float* to = panel + p * block.b_k;
        gather_tap(s_, x + channel * s_.inputs(), s_.tap(tap), part.first, part.pixels, 0, to);
        std::fill(to + part.pixels, to + block.b_k, 0.0f);
      }
      kernels_->block(block);
      block.first = false;
    }
  }

  // Rows of the right-hand side may be read where they are: of whole vectors, few enough for the
  // near caches, and not so far apart that they evict each other.
  bool direct(const Part& part) const {
    return packs_ && pointwise_ && z_.in <= 64 && part.pixels % 16 == 0 && s_.inputs() % 1024 != 0;
  }

  // [strip][depth][row of the strip]
  Tensor strips(const float* weights) const {
    const std::int64_t depth = z_.in * s_.taps(), rows = z_.groups * z_.out;
    Tensor result({DType::f32, {rows / strip_height, depth, strip_height}});
    float* to = result.span<float>().data();
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t k = 0; k < depth; ++k)
        to[(row / strip_height * depth + k) * strip_height + row % strip_height] =
            weights[row * depth + k];
    return result;
  }

  const GemmKernels* kernels_;
  Sizes z_;
  Spatial s_;
  bool packs_, pointwise_ = false;
  std::shared_ptr<const Tensor> packed_;
};

// The window covers the whole input: one result per output channel, a dot product each.
class FullWindow : public OperatorKernel {
 public:
  FullWindow(const Sizes& sizes, const Spatial& spatial, const Options& options)
      : kernels_(&gemm_kernels(options.isa)), z_(sizes), depth_(sizes.in * spatial.taps()) {}

  static bool fits(const Spatial& s) {
    const Spatial::Triple zeros{0, 0, 0}, ones{1, 1, 1};
    return !s.transposed && s.out == ones && s.kernel == s.in && s.low == zeros &&
           s.dilation == ones;
  }

  void run(const KernelCall& call) const override {
    constexpr std::int64_t wide = 32;
    const std::int64_t images = call.rows.scale(z_.batch, batch_is_rows) * z_.groups,
                       strips = ceil_div(z_.out, wide);
    each(call.pool, images * strips, [&](std::int64_t task) {
      const std::int64_t image = task / strips, out = task % strips * wide,
                         n = std::min(wide, z_.out - out);
      const float* w = call.f32(kind::Convolve::w) + (image % z_.groups * z_.out + out) * depth_;
      kernels_->dots(call.f32(kind::Convolve::x) + image * depth_, w, depth_, depth_, n,
                     call.out() + image * z_.out + out);
      call.finish(image * z_.out + out, n);
    });
  }

  bool batch_is_rows = false;

 private:
  const GemmKernels* kernels_;
  Sizes z_;
  std::int64_t depth_;
};

class Depthwise : public OperatorKernel {
 public:
  static constexpr std::int64_t most_taps = 128, tile = 256, room = 24576;  // floats for the rows

  Depthwise(const Sizes& sizes, Spatial spatial, const Options& options)
      : kernels_(&tap_kernels(options.isa)),
        z_(sizes),
        s_(std::move(spatial)),
        rows_(s_),
        band_(s_, options.isa) {
    banded_ = options.bands && Band::fits(s_);
  }

  static bool fits(const Sizes& sizes, const Spatial& s) {
    return sizes.in == 1 && sizes.out <= 4 && !s.transposed && s.taps() <= most_taps &&
           s.kernel[0] * s.kernel[1] * TapRows(s).floats(tile) <= room;
  }

  void run(const KernelCall& call) const override {
    const std::int64_t pixels = s_.outputs();
    const std::int64_t planes = call.rows.scale(z_.batch, batch_is_rows) * z_.groups * z_.out;
    each(call.pool, planes, [&](std::int64_t plane) {
      const float* x = call.f32(kind::Convolve::x) + plane / z_.out * s_.inputs();
      const float* w = call.f32(kind::Convolve::w) + plane % (z_.groups * z_.out) * s_.taps();
      if (banded_) run_bands(x, w, call.out() + plane * pixels);
      else run_lines(x, w, call.out() + plane * pixels);
      call.finish(plane * pixels, pixels);
    });
  }

  bool batch_is_rows = false;

 private:
  void run_bands(const float* x, const float* w, float* out) const {
    alignas(64) float brought[Band::room + Band::beyond];
    for (std::int64_t line = 0; line < s_.out[1]; line += band_.lines()) {
      const std::int64_t lines = std::min(band_.lines(), s_.out[1] - line);
      band_.bring(x, line, lines, 0, brought);
      kernels_->weighted_lines({.from = brought,
                                .step = band_.step(),
                                .offsets = band_.offsets().data(),
                                .taps = s_.taps(),
                                .out = out + line * s_.out[2],
                                .width = s_.out[2],
                                .lines = lines},
                               w);
    }
  }

  void run_lines(const float* x, const float* w, float* out) const {
    for (std::int64_t line = 0; line < s_.out[0] * s_.out[1]; ++line)
      for (std::int64_t first = 0; first < s_.out[2]; first += tile)
        run_tile(x, w, line, first, std::min(tile, s_.out[2] - first),
                 out + line * s_.out[2] + first);
  }

  void run_tile(const float* x, const float* w, std::int64_t line, std::int64_t first,
                std::int64_t n, float* out) const {
    alignas(64) float brought[room];
    std::array<const float*, most_taps> taps;
    std::array<float, most_taps> weights;
    std::size_t count = 0;
    float* to = brought;
    for (std::int64_t kz = 0; kz < s_.kernel[0]; ++kz) {
      for (std::int64_t ky = 0; ky < s_.kernel[1]; ++ky) {
        const std::int64_t z = s_.meets(0, line / s_.out[1], kz),
                           y = s_.meets(1, line % s_.out[1], ky);
        if (z < 0 || y < 0) continue;
        rows_.bring(x + (z * s_.in[1] + y) * s_.in[2], first, n, 0, to);
        const float* row_weights = w + (kz * s_.kernel[1] + ky) * s_.kernel[2];
        for (std::int64_t t = 0; t < s_.kernel[2]; ++t, ++count) {
          taps[count] = rows_.tap(to, t, n);
          weights[count] = row_weights[t];
        }
        to += rows_.floats(n);
      }
    }
    kernels_->weighted(taps.data(), weights.data(), count, out, n);
  }

  const TapKernels* kernels_;
  Sizes z_;
  Spatial s_;
  TapRows rows_;
  Band band_;
  bool banded_ = false;
};

template <typename Kernel>
std::unique_ptr<OperatorKernel> make(const Sizes& sizes, Spatial spatial,
                                     const OperatorContext& context) {
  auto kernel = std::make_unique<Kernel>(sizes, std::move(spatial), context.options);
  kernel->batch_is_rows = context.rows_out;
  return kernel;
}

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Convolve& kind,
                                        const OperatorContext& context) {
  const Shape &x = context.operands[kind.x].type.shape, &w = context.operands[kind.w].type.shape,
              &result = context.results[0].shape;
  const Sizes sizes{x[0], kind.groups, x[1] / kind.groups, result[1] / kind.groups};
  Spatial spatial = spatial_of(x, result, Shape(w.begin() + 2, w.end()), kind.stride, kind.low,
                               kind.dilation, kind.transposed);
  if (FullWindow::fits(spatial)) return make<FullWindow>(sizes, std::move(spatial), context);
  if (Depthwise::fits(sizes, spatial)) return make<Depthwise>(sizes, std::move(spatial), context);
  const WinogradSizes whole{sizes.batch, sizes.in, sizes.out};
  const bool winograd_here =
      context.options.winograd && sizes.groups == 1 && winograd_fits(whole, spatial);
  auto direct = context.options.bands && banded_fits(sizes, spatial)
                    ? banded(sizes, spatial, context)
                    : make<Convolution>(sizes, spatial, context);
  return winograd_here ? winograd(whole, spatial, context, std::move(direct)) : std::move(direct);
}

}  // namespace pliant::native
