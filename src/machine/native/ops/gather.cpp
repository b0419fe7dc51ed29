#include <atomic>
#include <cstring>

#include "core/error.h"
#include "machine/native/encoded/encoded.h"
#include "machine/native/kernels/convert.h"
#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

// x is [batch, outer, size, inner], index [batch, picks], result [batch, outer, picks, inner].
class GatherKernel : public OperatorKernel {
 public:
  GatherKernel(const kind::Gather& kind, const OperatorContext& context)
      : place_(context.place),
        index_type_(context.operands[kind.index].type.dtype),
        element_(size_of(context.results[0].dtype)),
        reads_encoded_(context.options.encoded),
        kernels_(&encoded_kernels(context.options.isa)) {
    const Shape &x = context.operands[kind.x].type.shape,
                &index = context.operands[kind.index].type.shape;
    const auto axis = static_cast<std::size_t>(kind.axis),
               batch_axes = static_cast<std::size_t>(kind.batch_axes);
    size_ = x[axis];
    for (std::size_t i = 0; i < x.size(); ++i)
      (i < batch_axes ? batch_ : i < axis ? outer_ : inner_) *= i == axis ? 1 : x[i];
    for (std::size_t i = batch_axes; i < index.size(); ++i) picks_ *= index[i];
    batch_rows_ = context.rows_out && batch_axes > 0;
    outer_rows_ = context.rows_out && batch_axes == 0 && axis > 0;
    pick_rows_ = context.rows_out && batch_axes == 0 && axis == 0;
  }

  // Rows of an encoded table are decoded when they are picked.
  const std::byte* fix(std::size_t k, const Stored& weight, SharedWeights& shared) override {
    const bool whole = batch_ == 1 && outer_ == 1 && has_product(weight.encoding) &&
                       inner_ % traits(weight.encoding).block_elements == 0;
    if (k != kind::Gather::x || !reads_encoded_ || !whole) return plain(weight, shared);
    encoding_ = weight.encoding;
    return weight.bytes.data();
  }

  void run(const KernelCall& call) const override {
    const std::int64_t batch = call.rows.scale(batch_, batch_rows_),
                       outer = call.rows.scale(outer_, outer_rows_);
    const std::int64_t picks = call.rows.scale(picks_, pick_rows_), line = inner_ * element_;
    check(call, batch * picks);
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(line, 1));
    pieces(call.pool, batch * outer * picks, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t at = load_int(call.data(kind::Gather::index), index_type_,
                                         i / picks / outer * picks + i % picks);
        bring(call, i, i / picks * size_ + at);
      }
      call.finish(first * inner_, (last - first) * inner_);
    });
  }

 private:
  void bring(const KernelCall& call, std::int64_t to, std::int64_t from) const {
    const std::byte* x = call.data(kind::Gather::x);
    std::byte* out = call.outputs[0] + to * inner_ * element_;
    if (encoding_ == Encoding::plain) {
      std::memcpy(out, x + from * inner_ * element_, inner_ * element_);
      return;
    }
    const EncodingTraits& block = traits(encoding_);
    kernels_->decode(encoding_, x + from * (inner_ / block.block_elements) * block.block_bytes,
                     inner_, reinterpret_cast<float*>(out));
  }

  void check(const KernelCall& call, std::int64_t indices) const {
    for (std::int64_t i = 0; i < indices; ++i) {
      const std::int64_t at = load_int(call.data(kind::Gather::index), index_type_, i);
      if (at < 0 || at >= size_)
        throw Error(
            ErrorKind::invalid, place_,
            "index " + std::to_string(at) + " is not in [0, " + std::to_string(size_) + ")");
    }
  }

  std::string place_;
  DType index_type_;
  std::int64_t element_, size_ = 1, batch_ = 1, outer_ = 1, inner_ = 1, picks_ = 1;
  bool batch_rows_, outer_rows_, pick_rows_, reads_encoded_;
  const EncodedKernels* kernels_;
  Encoding encoding_ = Encoding::plain;
};

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Gather& kind, const OperatorContext& context) {
  return std::make_unique<GatherKernel>(kind, context);
}

}  // namespace pliant::native
