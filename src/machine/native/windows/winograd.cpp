#include "machine/native/windows/winograd.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"

namespace pliant::native {

namespace {

// G of one axis: a filter of three taps to size + 2 points.
std::vector<std::array<double, 3>> filter_transform(std::int64_t size) {
  if (size == 2) return {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  std::vector<std::array<double, 3>> rows{{1, 0, 0}};
  for (const double square : {0.5, 2.0})
    for (const double sign : {1.0, -1.0}) {
      // the point over the product of its differences from the other points
      const double point = sign * std::sqrt(square),
                   scale = 1 / (2 * square * (square - (2.5 - square)));
      rows.push_back({scale, scale * point, scale * square});
    }
  rows.push_back({0, 0, 1});
  return rows;
}

constexpr std::int64_t few_pixels = 36;  // too few to pay for reading the transformed weights

class Winograd : public OperatorKernel {
 public:
  Winograd(const WinogradSizes& sizes, Spatial s, const OperatorContext& context,
           std::unique_ptr<OperatorKernel> direct)
      : direct_(std::move(direct)),
        gemm_(&gemm_kernels(context.options.isa)),
        kernels_(&winograd_kernels(context.options.isa)),
        z_(sizes),
        s_(std::move(s)),
        batch_is_rows_(context.rows_out) {
    size_ = tiles(4) >= few_tiles ? 4 : 2;
    points_ = (size_ + 2) * (size_ + 2);
    down_ = ceil_div(s_.out[1], size_);
    across_ = ceil_div(s_.out[2], size_);
    columns_ = ceil_div(across_, ceil_div(across_, winograd_tiles));
    rows_ = std::max<std::int64_t>(1, columns_ == across_ ? winograd_tiles / across_ : 1);
    rows_ = ceil_div(down_, ceil_div(down_, rows_));
    wide_ = round_up(ceil_div(z_.out, ceil_div(z_.out, most_wide)), lane);
  }

  const std::byte* fix(std::size_t k, const Stored& weight, SharedWeights& shared) override {
    const std::byte* data = plain(weight, shared);
    if (k != kind::Convolve::w) return data;
    const auto* weights = reinterpret_cast<const float*>(data);
    packed_ = shared.packed(data, "winograd " + std::to_string(size_),
                            [&] { return transformed(weights); });
    return data;
  }

  std::int64_t workspace() const override {
    return packed_ == nullptr ? 0 : block_floats() * band() * sizeof(float);
  }

  void run(const KernelCall& call) const override {
    if (packed_ == nullptr) return direct_->run(call);
    const std::int64_t images = call.rows.scale(z_.batch, batch_is_rows_);
    for (std::int64_t image = 0; image < images; ++image)
      for (std::int64_t first = 0; first < blocks(); first += band())
        run_band(call, image, first, std::min(band(), blocks() - first));
  }

 private:
  static constexpr std::int64_t lane = 16, most_wide = 48;
  // fewer large tiles are bound by reading the weights
  static constexpr std::int64_t few_tiles = 9;
  static constexpr std::int64_t band_floats = 512 * 1024;  // of transformed input at a time
  static constexpr std::int64_t grain = 8;                 // channels that one task transforms
  static constexpr std::int64_t most_products = 36 * winograd_tiles * most_wide;

  std::int64_t tiles(std::int64_t size) const {
    return ceil_div(s_.out[1], size) * ceil_div(s_.out[2], size);
  }
  std::int64_t blocks() const { return ceil_div(down_, rows_) * ceil_div(across_, columns_); }
  std::int64_t block_floats() const { return points_ * z_.in * rows_ * columns_; }
  std::int64_t band() const {
    return std::clamp<std::int64_t>(band_floats / block_floats(), 1, blocks());
  }
  std::int64_t panels() const { return ceil_div(z_.out, wide_); }

  // [panel][point][in][wide_ outputs], zeros beyond the last
  Tensor transformed(const float* weights) const {
    const auto g = filter_transform(size_);
    const std::int64_t side = size_ + 2;
    Tensor result({DType::f32, {panels(), points_, z_.in, wide_}});
    float* to = result.span<float>().data();
    std::fill_n(to, elements(result.type().shape), 0.0F);
    for (std::int64_t o = 0; o < z_.out; ++o)
      for (std::int64_t c = 0; c < z_.in; ++c) {
        const float* w = weights + (o * z_.in + c) * 9;
        for (std::int64_t point = 0; point < points_; ++point) {
          const auto &y = g[point / side], &x = g[point % side];
          double sum = 0;
          for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t j = 0; j < 3; ++j) sum += y[i] * x[j] * w[3 * i + j];
          to[((o / wide_ * points_ + point) * z_.in + c) * wide_ + o % wide_] =
              static_cast<float>(sum);
        }
      }
    return result;
  }

  // A block of tiles: rows of them, or a part of one row.
  struct Block {
    std::int64_t row, column, rows, columns;
    std::int64_t tiles() const { return rows * columns; }
  };
  Block block(std::int64_t index) const {
    const std::int64_t across = ceil_div(across_, columns_);
    const std::int64_t row = index / across * rows_, column = index % across * columns_;
    return {row, column, std::min(rows_, down_ - row), std::min(columns_, across_ - column)};
  }

  void run_band(const KernelCall& call, std::int64_t image, std::int64_t first,
                std::int64_t count) const {
    auto* values = reinterpret_cast<float*>(call.workspace);
    const std::int64_t groups = ceil_div(z_.in, grain);
    each(call.pool, count * groups, [&](std::int64_t task) {
      const std::int64_t from = task % groups * grain;
      for (std::int64_t c = from; c < std::min(from + grain, z_.in); ++c)
        transform(call.f32(kind::Convolve::x) + (image * z_.in + c) * s_.inputs(),
                  block(first + task / groups), c, values + task / groups * block_floats());
    });
    each(call.pool, count * panels(), [&](std::int64_t task) {
      multiply(call, image, block(first + task / panels()), task % panels(),
               values + task / panels() * block_floats());
    });
  }

  // values: [point][in][tiles]
  void transform(const float* x, const Block& b, std::int64_t channel, float* values) const {
    const WinogradInput input{.x = x,
                              .height = s_.in[1],
                              .width = s_.in[2],
                              .top = b.row * size_ - s_.low[1],
                              .left = b.column * size_ - s_.low[2],
                              .rows = b.rows,
                              .columns = b.columns,
                              .out = values + channel * b.tiles(),
                              .step = z_.in * b.tiles()};
    (size_ == 4 ? kernels_->input4 : kernels_->input2)(input);
  }

  void multiply(const KernelCall& call, std::int64_t image, const Block& b, std::int64_t panel,
                const float* values) const {
    alignas(64) float products[most_products];  // [point][tiles][wide_]
    const float* weights = packed_->span<float>().data() + panel * points_ * z_.in * wide_;
    for (std::int64_t point = 0; point < points_; ++point)
      gemm_->block({.a = values + point * z_.in * b.tiles(),
                    .a_m = 1,
                    .a_k = b.tiles(),
                    .b = weights + point * z_.in * wide_,
                    .b_k = wide_,
                    .padded = true,
                    .c = products + point * b.tiles() * wide_,
                    .c_m = wide_,
                    .m = b.tiles(),
                    .n = wide_,
                    .k = z_.in});
    const std::int64_t y = b.row * size_, x = b.column * size_, pixels = s_.outputs(),
                       pitch = s_.out[2];
    const std::int64_t high = std::min(b.rows * size_, s_.out[1] - y),
                       across = std::min(b.columns * size_, pitch - x);
    const std::int64_t channels = std::min(wide_, z_.out - panel * wide_);
    const std::int64_t at = (image * z_.out + panel * wide_) * pixels + y * pitch + x;
    const WinogradOutput output{.products = products,
                                .step = b.tiles() * wide_,
                                .padded = wide_,
                                .channels = channels,
                                .rows = b.rows,
                                .columns = b.columns,
                                .height = high,
                                .width = across,
                                .out = call.out() + at,
                                .pitch = pitch,
                                .plane = pixels};
    (size_ == 4 ? kernels_->output4 : kernels_->output2)(output);
    for (std::int64_t c = 0; c < channels; ++c) {
      if (across == pitch) call.finish(at + c * pixels, high * pitch);
      else
        for (std::int64_t line = 0; line < high; ++line)
          call.finish(at + c * pixels + line * pitch, across);
    }
  }

  std::unique_ptr<OperatorKernel> direct_;
  const GemmKernels* gemm_;
  const WinogradKernels* kernels_;
  WinogradSizes z_;
  Spatial s_;
  bool batch_is_rows_;
  // outputs of a tile along an axis; elements of a transformed tile
  std::int64_t size_ = 4, points_ = 36;
  std::int64_t down_ = 1, across_ = 1;   // tiles of an image
  std::int64_t rows_ = 1, columns_ = 1;  // of tiles in a block, at most
  std::int64_t wide_ = lane;             // output channels of a panel of weights
  std::shared_ptr<const Tensor> packed_;
};

}  // namespace

bool winograd_fits(const WinogradSizes& sizes, const Spatial& s) {
  const Spatial::Triple window{1, 3, 3}, ones{1, 1, 1};
  return !s.transposed && s.kernel == window && s.stride == ones && s.dilation == ones &&
         s.in[0] == 1 && s.low[0] == 0 && s.out[0] == 1 && sizes.in >= 8 && sizes.out >= 8 &&
         s.out[1] * s.out[2] >= few_pixels;
}

std::unique_ptr<OperatorKernel> winograd(const WinogradSizes& sizes, const Spatial& s,
                                         const OperatorContext& context,
                                         std::unique_ptr<OperatorKernel> direct) {
  return std::make_unique<Winograd>(sizes, s, context, std::move(direct));
}

}  // namespace pliant::native
