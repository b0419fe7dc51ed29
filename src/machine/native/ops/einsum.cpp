// Einsum: two operands as matrix products over strided operands, one operand as a copy or a sum,
// the rest by loops.
#include <algorithm>
#include <cstring>
#include <map>

#include "core/checked.h"
#include "core/error.h"
#include "machine/native/encoded/encoded.h"
#include "machine/native/ops/operator_kernel.h"
#include "machine/native/ops/panel.h"

namespace pliant::native {

namespace {

constexpr std::size_t result_slot = 2;  // in an Axis<3>: strides in a, b, result

std::int64_t stride_of(const std::string& labels, char label,
                       const std::vector<std::int64_t>& strides) {
  std::int64_t sum = 0;  // a label that stands twice walks the diagonal
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == label) sum += strides[i];
  return sum;
}

// Every label once: those of the result in its order, then the summed ones in order of first use.
std::string all_labels(const kind::Einsum& kind) {
  std::string labels = kind.out;
  for (const std::string& operand : kind.in)
    for (const char c : operand)
      if (labels.find(c) == std::string::npos) labels += c;
  return labels;
}

std::int64_t label_size(const kind::Einsum& kind, const OperatorContext& context, char label) {
  for (std::size_t i = 0; i < kind.in.size(); ++i) {
    const std::size_t at = kind.in[i].find(label);
    if (at != std::string::npos) return context.operands[i].type.shape[at];
  }
  return 1;
}

template <std::size_t operands>
Axis<operands> label_axis(const kind::Einsum& kind, const OperatorContext& context, char label) {
  Axis<operands> axis;
  axis.size = label_size(kind, context, label);
  for (std::size_t i = 0; i + 1 < operands; ++i)
    axis.stride[i] = stride_of(kind.in[i], label, strides(context.operands[i].type.shape));
  axis.stride[operands - 1] = stride_of(kind.out, label, strides(context.results[0].shape));
  axis.rows = context.rows_out && !kind.out.empty() && kind.out[0] == label;
  return axis;
}

std::unique_ptr<OperatorKernel> compile_single(const kind::Einsum& kind,
                                               const OperatorContext& context) {
  Nest<2> kept, summed;
  for (const char label : all_labels(kind))
    (kind.out.find(label) != std::string::npos ? kept : summed)
        .push_back(label_axis<2>(kind, context, label));
  if (summed.empty()) return strided_copy(kept, 0, 0, context.results[0].dtype);
  return strided_reduce(kind::ReduceFn::sum, kept, summed, context);
}

// Any number of operands, any labels: f64 loops over the result, then over the summed labels.
class Loops : public OperatorKernel {
 public:
  static constexpr std::size_t most = 8;
  Loops(const kind::Einsum& kind, const OperatorContext& context) : operands_(kind.in.size()) {
    for (const char label : all_labels(kind)) {
      Axis<most + 1> axis;
      axis.size = label_size(kind, context, label);
      for (std::size_t i = 0; i < operands_; ++i)
        axis.stride[i] = stride_of(kind.in[i], label, strides(context.operands[i].type.shape));
      axis.stride[most] = stride_of(kind.out, label, strides(context.results[0].shape));
      axis.rows = context.rows_out && !kind.out.empty() && kind.out[0] == label;
      (kind.out.find(label) != std::string::npos ? kept_ : summed_).push_back(axis);
    }
  }

  void run(const KernelCall& call) const override {
    float* out = call.out();
    pieces(call.pool, count(kept_, call.rows), 256, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const auto at = offsets(kept_, i, call.rows);
        out[at[most]] = static_cast<float>(sum(call, at));
      }
      call.finish(first, last - first);
    });
  }

 private:
  double sum(const KernelCall& call, const std::array<std::int64_t, most + 1>& at) const {
    double total = 0;
    walk(summed_, call.rows, [&](const std::array<std::int64_t, most + 1>& step) {
      double product = 1;
      for (std::size_t i = 0; i < operands_; ++i) product *= call.f32(i)[at[i] + step[i]];
      total += product;
    });
    return total;
  }

  std::size_t operands_;
  Nest<most + 1> kept_, summed_;
};

// c[m][n] = sum over k of a[m][k] b[k][n], n contiguous in c, inside loops over `outer` (and
// `sums`, which repeat with accumulation). A single result element is summed in the order of k
// whatever the tiling is.
class Product : public OperatorKernel {
 public:
  // `encoded`: how b is written, whose rows are whole blocks along k and follow each other; then it
  // is decoded panel by panel.
  Product(Nest<3> outer, Nest<3> sums, const std::array<Axis<3>, 3>& mnk, bool swapped, Isa isa,
          Encoding encoded = Encoding::plain)
      : kernels_(&gemm_kernels(isa)),
        decoders_(&encoded_kernels(isa)),
        encoding_(encoded),
        outer_(std::move(outer)),
        sums_(std::move(sums)),
        m_(mnk[0]),
        n_(mnk[1]),
        k_(mnk[2]),
        a_(swapped ? 1 : 0),
        b_(swapped ? 0 : 1) {
    const bool rows_contiguous = k_.stride[0] == 1 && k_.stride[1] == 1;
    dots_ = encoded == Encoding::plain && rows_contiguous && m_.size <= few_rows && k_.size >= 16 &&
            sums_.empty();
    direct_ = !dots_ && n_.stride[1] == 1 && m_.size <= 4;
  }

  const std::byte* fix(std::size_t k, const Stored& weight, SharedWeights& shared) override {
    return k == b_ && is_encoded() ? weight.bytes.data() : plain(weight, shared);
  }

  void run(const KernelCall& call) const override {
    const std::int64_t m = call.rows.size(m_), n = call.rows.size(n_),
                       batches = count(outer_, call.rows);
    const std::int64_t wide = dots_     ? 64
                              : direct_ ? 1536
                                        : panel_columns(n, traits(encoding_).block_elements),
                       panels = ceil_div(n, wide);
    const std::int64_t tall =
        dots_ || direct_ ? m : strip_rows(m, batches * panels, call.pool.threads());
    const std::int64_t strips = ceil_div(m, std::max<std::int64_t>(tall, 1));
    each(call.pool, batches * panels * strips, [&](std::int64_t task) {
      const std::int64_t i = task % strips * tall, j = task / strips % panels * wide;
      const auto at = offsets(outer_, task / strips / panels, call.rows);
      Part part{call.f32(a_) + at[0] + i * m_.stride[0], at[1] + j * n_.stride[1],
                at[2] + i * m_.stride[2] + j, std::min(tall, m - i), std::min(wide, n - j)};
      if (dots_) run_dots(call, part);
      else run_blocks(call, part);
      for (std::int64_t row = 0; row < part.m; ++row)
        call.finish(part.c + row * m_.stride[2], part.n);
    });
  }

 private:
  struct Part {
    const float* a;
    std::int64_t b, c, m, n;  // b, c: elements
  };

  void run_dots(const KernelCall& call, const Part& part) const {
    for (std::int64_t row = 0; row < part.m; ++row)
      kernels_->dots(part.a + row * m_.stride[0], call.f32(b_) + part.b, n_.stride[1], k_.size,
                     part.n, call.out() + part.c + row * m_.stride[2]);
  }

  void run_blocks(const KernelCall& call, const Part& part) const {
    alignas(64) float panel[panel_floats];
    const std::int64_t columns = round_up(part.n, 16);
    // direct: eight streams along the rows of b
    const std::int64_t deep = direct_ ? 8 : panel_depth(columns);
    bool first = true;
    walk(sums_, call.rows, [&](const std::array<std::int64_t, 3>& at) {
      for (std::int64_t k = 0; k < k_.size; k += deep) {
        const std::int64_t depth = std::min(deep, k_.size - k);
        const std::int64_t b_at = part.b + at[1] + k * k_.stride[1];
        const float* b = is_encoded() ? nullptr : call.f32(b_) + b_at;
        if (is_encoded()) pack_encoded(call, b_at, depth, part.n, panel);
        else if (!direct_) pack(b, k_.stride[1], n_.stride[1], depth, part.n, panel);
        kernels_->block({.a = part.a + at[0] + k * k_.stride[0],
                         .a_m = m_.stride[0],
                         .a_k = k_.stride[0],
                         .b = direct_ ? b : panel,
                         .b_k = direct_ ? k_.stride[1] : columns,
                         .padded = !direct_,
                         .c = call.out() + part.c,
                         .c_m = m_.stride[2],
                         .m = part.m,
                         .n = part.n,
                         .k = depth,
                         .first = first});
        first = false;
      }
    });
  }

  bool is_encoded() const { return encoding_ != Encoding::plain; }

  std::int64_t panel_depth(std::int64_t columns) const {
    const std::int64_t deep = panel_floats / columns;
    if (!is_encoded()) return deep;
    const std::int64_t block = traits(encoding_).block_elements;
    return std::min(deep, deepest_decoded) / block * block;
  }

  std::int64_t encoded_bytes(std::int64_t elements) const {
    const EncodingTraits& block = traits(encoding_);
    return elements / block.block_elements * block.block_bytes;
  }

  void pack_encoded(const KernelCall& call, std::int64_t at, std::int64_t depth, std::int64_t n,
                    float* panel) const {
    native::pack_encoded(*decoders_, encoding_, call.data(b_) + encoded_bytes(at),
                         encoded_bytes(k_.size), depth, n, panel);
  }

  const GemmKernels* kernels_;
  const EncodedKernels* decoders_;
  Encoding encoding_;
  Nest<3> outer_, sums_;
  Axis<3> m_, n_, k_;
  std::size_t a_, b_;    // which operand is a and which b
  bool dots_ = false;    // few rows of both along k: dot products
  bool direct_ = false;  // few rows: nothing to gain from a packed copy of b
};

struct Classes {
  Nest<3> batch, m, n, k;
  bool other = false;  // a label of one operand alone that is summed
};

Classes classify(const kind::Einsum& kind, const OperatorContext& context) {
  Classes classes;
  for (const char label : all_labels(kind)) {
    const Axis<3> axis = label_axis<3>(kind, context, label);
    if (axis.size == 1 && !axis.rows) continue;
    const bool a = kind.in[0].find(label) != std::string::npos,
               b = kind.in[1].find(label) != std::string::npos;
    if (kind.out.find(label) == std::string::npos) {
      if (a && b) classes.k.push_back(axis);
      else classes.other = true;
    } else {
      (a && b ? classes.batch : a ? classes.m : classes.n).push_back(axis);
    }
  }
  return classes;
}

void swap_operands(Nest<3>& nest) {
  for (Axis<3>& axis : nest) std::swap(axis.stride[0], axis.stride[1]);
}

// Takes the axis that the inner loop walks out of a merged nest; the others become outer loops.
Axis<3> take(Nest<3>& nest, std::size_t at, Nest<3>& outer) {
  if (nest.empty()) return {};
  const Axis<3> axis = nest[at];
  nest.erase(nest.begin() + at);
  outer.insert(outer.end(), nest.begin(), nest.end());
  return axis;
}

std::size_t largest(const Nest<3>& nest) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < nest.size(); ++i)
    if (nest[i].size > nest[best].size) best = i;
  return best;
}

// One product with a weight whose rows are whole blocks along k; null for any other.
std::unique_ptr<OperatorKernel> compile_encoded(const OperatorContext& context,
                                                const Nest<3>& outer, const Nest<3>& sums,
                                                const std::array<Axis<3>, 3>& mnk, bool swapped) {
  const auto& [m, n, k] = mnk;
  const std::size_t b = swapped ? 0 : 1;
  const Operand& weight = context.operands[b];
  const bool reads = context.options.encoded && weight.fixed && has_product(weight.encoding);
  if (!reads || !outer.empty() || !sums.empty() || k.size == 0) return nullptr;
  const bool rows = k.stride[0] == 1 && k.stride[1] == 1 && n.stride[1] == k.size && !n.rows;
  if (!rows || n.size * k.size != elements(weight.type.shape)) return nullptr;
  if (k.size < 16 || k.size % traits(weight.encoding).block_elements != 0) return nullptr;
  if (m.size > few_rows && (is_half(weight.encoding) || !context.options.round_tall))
    return std::make_unique<Product>(outer, sums, mnk, swapped, context.options.isa,
                                     weight.encoding);
  return encoded_product({.m = {m.size, {m.stride[0]}, m.rows},
                          .n = n.size,
                          .k = k.size,
                          .out_row = m.stride[result_slot],
                          .a = 1 - b,
                          .b = b,
                          .tall = m.size > few_rows,
                          .encoding = weight.encoding},
                         context);
}

std::unique_ptr<OperatorKernel> compile_product(const kind::Einsum& kind,
                                                const OperatorContext& context) {
  Classes classes = classify(kind, context);
  const auto innermost = [](const Nest<3>& nest) {
    // result order is kept, so it can only be the last
    return !nest.empty() && nest.back().stride[result_slot] == 1;
  };
  if (classes.other || innermost(classes.batch)) return nullptr;
  const bool swapped = innermost(classes.m);
  if (swapped) {
    std::swap(classes.m, classes.n);
    for (Nest<3>* nest : {&classes.batch, &classes.m, &classes.n, &classes.k}) swap_operands(*nest);
  }
  std::stable_sort(classes.k.begin(), classes.k.end(), [](const Axis<3>& x, const Axis<3>& y) {
    return std::max(x.stride[0], x.stride[1]) > std::max(y.stride[0], y.stride[1]);
  });
  Nest<3> outer = merge(classes.batch), m = merge(classes.m), n = merge(classes.n),
          k = merge(classes.k), sums;
  const Axis<3> inner_n = n.empty() ? Axis<3>{} : take(n, n.size() - 1, outer);
  const Axis<3> inner_m = take(m, largest(m), outer);
  const Axis<3> inner_k = k.empty() ? Axis<3>{} : take(k, k.size() - 1, sums);
  if (auto encoded = compile_encoded(context, outer, sums, {inner_m, inner_n, inner_k}, swapped))
    return encoded;
  return std::make_unique<Product>(outer, sums, std::array{inner_m, inner_n, inner_k}, swapped,
                                   context.options.isa);
}

}  // namespace

std::unique_ptr<OperatorKernel> compile(const kind::Einsum& kind, const OperatorContext& context) {
  if (kind.in.size() == 1) return compile_single(kind, context);
  if (kind.in.size() > Loops::most)
    throw Error(ErrorKind::unsupported, context.place,
                "an einsum of " + std::to_string(kind.in.size()) + " operands; the most is " +
                    std::to_string(Loops::most),
                "write it as several einsums");
  const bool empty =
      std::any_of(context.operands.begin(), context.operands.end(),
                  [](const Operand& each) { return elements(each.type.shape) == 0; });
  if (kind.in.size() == 2 && !empty)
    if (auto product = compile_product(kind, context)) return product;
  return std::make_unique<Loops>(kind, context);
}

}  // namespace pliant::native
