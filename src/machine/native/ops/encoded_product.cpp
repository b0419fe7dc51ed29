// Products with encoded weights, which are read as they are written.
#include "core/checked.h"
#include "machine/native/encoded/encoded.h"
#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {
namespace {

constexpr std::int64_t elements_per_piece = 16384;  // at least: repays the way to another thread

class EncodedProductKernel : public OperatorKernel {
 public:
  EncodedProductKernel(const EncodedProduct& product, const OperatorContext& context)
      : p_(product),
        kernels_(&encoded_kernels(context.options.isa)),
        weight_row_(p_.k / traits(p_.encoding).block_elements * traits(p_.encoding).block_bytes) {}

  const std::byte* fix(std::size_t k, const Stored& weight, SharedWeights& shared) override {
    return k == p_.b ? weight.bytes.data() : plain(weight, shared);
  }

  std::int64_t workspace() const override {
    return is_half(p_.encoding) ? 0 : RoundedRows::bytes(p_.m.size, p_.k);
  }

  void run(const KernelCall& call) const override {
    const std::int64_t m = call.rows.size(p_.m);
    if (is_half(p_.encoding)) {
      pieces(call.pool, p_.n, piece_rows(call), [&](std::int64_t first, std::int64_t last) {
        kernels_->halves(p_.encoding, weights(call, first), last - first, call.f32(p_.a),
                         p_.m.stride[0], p_.k, m, call.out() + first, p_.out_row);
        finish(call, m, first, last);
      });
      return;
    }
    const RoundedRows x = round_rows(call, m);
    if (p_.tall) {
      const std::int64_t panels = ceil_div(p_.n, tall_columns);
      each(call.pool, panels, [&](std::int64_t panel) {
        const std::int64_t first = panel * tall_columns,
                           last = std::min(first + tall_columns, p_.n);
        kernels_->tall(p_.encoding, weights(call, first), last - first, x, m, call.out() + first,
                       p_.out_row);
        finish(call, m, first, last);
      });
      return;
    }
    constexpr std::int64_t strip = 16;  // rows whose codes stay in the first-level cache
    pieces(call.pool, p_.n, piece_rows(call), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = 0; r < m; r += strip)
        kernels_->dots(p_.encoding, weights(call, first), last - first, from(x, r),
                       std::min(strip, m - r), call.out() + r * p_.out_row + first, p_.out_row);
      finish(call, m, first, last);
    });
  }

 private:
  const std::byte* weights(const KernelCall& call, std::int64_t row) const {
    return call.data(p_.b) + row * weight_row_;
  }

  // Few enough for every thread to have several.
  std::int64_t piece_rows(const KernelCall& call) const {
    return std::max(ceil_div(elements_per_piece, p_.k),
                    ceil_div(p_.n, std::int64_t{8} * call.pool.threads()));
  }

  RoundedRows round_rows(const KernelCall& call, std::int64_t m) const {
    const RoundedRows x = RoundedRows::at(call.workspace, p_.m.size, p_.k);
    const std::int64_t grain = ceil_div(elements_per_piece, p_.k);
    const auto round = p_.tall ? kernels_->round_tall : kernels_->round;
    pieces(call.pool, m, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r)
        round(p_.encoding, call.f32(p_.a) + r * p_.m.stride[0], r, x);
    });
    return x;
  }

  static RoundedRows from(const RoundedRows& x, std::int64_t row) {
    return {x.codes + row * x.k, x.scales + row * (x.k / rounded_block), x.lanes + row * x.k, x.k};
  }

  void finish(const KernelCall& call, std::int64_t m, std::int64_t first, std::int64_t last) const {
    for (std::int64_t r = 0; r < m; ++r) call.finish(r * p_.out_row + first, last - first);
  }

  EncodedProduct p_;
  const EncodedKernels* kernels_;
  std::int64_t weight_row_;  // bytes
};

}  // namespace

std::unique_ptr<OperatorKernel> encoded_product(const EncodedProduct& product,
                                                const OperatorContext& context) {
  return std::make_unique<EncodedProductKernel>(product, context);
}

}  // namespace pliant::native
