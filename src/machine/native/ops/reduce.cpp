// Reduce, Softmax and Normalize: along contiguous rows, or down columns in blocks. Sums are in f64.
#include <algorithm>
#include <cmath>
#include <limits>

#include "machine/native/kernels/convert.h"
#include "machine/native/ops/operator_kernel.h"
#include "machine/native/ops/sweep.h"

namespace pliant::native {

namespace {

using kind::ReduceFn;

constexpr float infinity = std::numeric_limits<float>::infinity();

class Reduction : public OperatorKernel {
 public:
  Reduction(ReduceFn fn, const Nest<2>& kept, const Nest<2>& reduced,
            const OperatorContext& context)
      : fn_(fn),
        rows_(&row_kernels(context.options.isa)),
        columns_(&column_kernels(context.options.isa)),
        sweep_(kept, reduced) {}

  void run(const KernelCall& call) const override {
    sweep_.run(
        call, [&](const float* x, std::int64_t to) { call.out()[to] = row(call, x); },
        [&](const float* x, std::int64_t to, std::int64_t n) {
          column(call, x, call.out() + to, n);
        },
        [&](std::int64_t to, std::int64_t n) { call.finish(to, n); });
  }

 private:
  float row(const KernelCall& call, const float* x) const {
    double total = fn_ == ReduceFn::product ? 1 : 0;
    float most = fn_ == ReduceFn::min ? infinity : -infinity;
    sweep_.lines(call, x, [&](const float* p, std::int64_t n) {
      switch (fn_) {
        case ReduceFn::sum:
        case ReduceFn::mean: total += rows_->sum(p, n); break;
        case ReduceFn::product: total *= rows_->product(p, n); break;
        case ReduceFn::min: most = smaller(most, rows_->minimum(p, n)); break;
        default: most = larger(most, rows_->maximum(p, n)); break;
      }
    });
    if (fn_ == ReduceFn::logsumexp && std::isfinite(most))
      sweep_.lines(call, x, [&](const float* p, std::int64_t n) {
        total += rows_->exponentials(p, n, most, nullptr);
      });
    return result(total, most);
  }

  void column(const KernelCall& call, const float* x, float* out, std::int64_t n) const {
    alignas(64) double total[block_elements];
    alignas(64) float most[block_elements];
    std::fill_n(total, block_elements, fn_ == ReduceFn::product ? 1 : 0);
    std::fill_n(most, block_elements, fn_ == ReduceFn::min ? infinity : -infinity);
    sweep_.lines(call, x, [&](const float* p, std::int64_t) {
      switch (fn_) {
        case ReduceFn::sum:
        case ReduceFn::mean: return columns_->sum(total, p, n);
        case ReduceFn::product: return columns_->product(total, p, n);
        case ReduceFn::min: return columns_->minimum(most, p, n);
        default: return columns_->maximum(most, p, n);
      }
    });
    if (fn_ == ReduceFn::logsumexp) {
      alignas(64) float shift[block_elements];
      for (std::int64_t i = 0; i < block_elements; ++i)
        shift[i] = std::isfinite(most[i]) ? most[i] : 0;
      sweep_.lines(call, x, [&](const float* p, std::int64_t) {
        columns_->exponentials(total, p, shift, nullptr, n);
      });
    }
    for (std::int64_t i = 0; i < n; ++i) out[i] = result(total[i], most[i]);
  }

  static float larger(float a, float b) { return b > a ? b : a; }
  static float smaller(float a, float b) { return b < a ? b : a; }

  float result(double total, float most) const {
    switch (fn_) {
      case ReduceFn::sum:
      case ReduceFn::product: return static_cast<float>(total);
      case ReduceFn::mean: return static_cast<float>(total / sweep_.reduced());
      case ReduceFn::logsumexp:
        return std::isfinite(most) ? static_cast<float>(most + std::log(total)) : most;
      default: return most;
    }
  }

  ReduceFn fn_;
  const RowKernels* rows_;
  const ColumnKernels* columns_;
  Sweep sweep_;
};

// Integers, and argmax of anything: one element at a time.
class ElementReduction : public OperatorKernel {
 public:
  ElementReduction(ReduceFn fn, Nest<2> kept, Nest<2> reduced, const OperatorContext& context)
      : fn_(fn),
        kept_(std::move(kept)),
        reduced_(std::move(reduced)),
        from_(context.operands[0].type.dtype),
        to_(context.results[0].dtype) {}

  void run(const KernelCall& call) const override {
    pieces(call.pool, count(kept_, call.rows), 64, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const auto at = offsets(kept_, i, call.rows);
        const std::byte* x = call.data(0) + at[0] * size_of(from_);
        const std::int64_t value = fn_ != ReduceFn::argmax ? fold(call, x)
                                   : from_ == DType::f32
                                       ? largest_of_line(reinterpret_cast<const float*>(x))
                                   : is_float(from_) ? largest_at<float>(call, x)
                                                     : largest_at<std::int64_t>(call, x);
        store_int(call.outputs[0], to_, at[1], value);
      }
      call.finish(first, last - first);
    });
  }

 private:
  std::int64_t fold(const KernelCall& call, const std::byte* x) const {
    bool first = true;
    std::int64_t total = fn_ == ReduceFn::product ? 1 : 0, n = 0;
    walk(reduced_, call.rows, [&](const std::array<std::int64_t, 2>& at) {
      const std::int64_t value = load_int(x, from_, at[0]);
      switch (fn_) {
        case ReduceFn::product:
          total = static_cast<std::int64_t>(static_cast<std::uint64_t>(total) *
                                            static_cast<std::uint64_t>(value));
          break;
        case ReduceFn::max: total = first ? value : std::max(total, value); break;
        case ReduceFn::min: total = first ? value : std::min(total, value); break;
        default:
          total = static_cast<std::int64_t>(static_cast<std::uint64_t>(total) +
                                            static_cast<std::uint64_t>(value));
          break;
      }
      first = false;
      ++n;
    });
    return fn_ == ReduceFn::mean && n > 0
               ? static_cast<std::int64_t>(std::nearbyint(static_cast<double>(total) / n))
               : total;
  }

  std::int64_t largest_of_line(const float* x) const {
    const std::int64_t size = reduced_[0].size, stride = reduced_[0].stride[0];
    std::int64_t best = 0;
    float most = x[0];
    for (std::int64_t i = 1; i < size; ++i) {
      if (x[i * stride] <= most) continue;
      if (x[i * stride] > most) {  // not NaN
        most = x[i * stride];
        best = i;
      }
    }
    return best;
  }

  template <typename T>
  std::int64_t largest_at(const KernelCall& call, const std::byte* x) const {
    std::int64_t index = 0, best_index = 0;
    T best{};
    walk(reduced_, call.rows, [&](const std::array<std::int64_t, 2>& at) {
      T value{};
      if constexpr (std::is_same_v<T, float>)
        load_f32(x + at[0] * size_of(from_), from_, 1, 1, &value);
      else value = load_int(x, from_, at[0]);
      if (index == 0 || value > best) {
        best = value;
        best_index = index;
      }
      ++index;
    });
    return best_index;
  }

  ReduceFn fn_;
  Nest<2> kept_, reduced_;
  DType from_, to_;
};

// y = exp(x - max) / sum along one axis.
class SoftmaxRows : public OperatorKernel {
 public:
  SoftmaxRows(const Nest<2>& kept, const Nest<2>& reduced, const OperatorContext& context)
      : rows_(&row_kernels(context.options.isa)),
        columns_(&column_kernels(context.options.isa)),
        sweep_(kept, reduced),
        short_(context.options.short_rows && sweep_.short_rows()) {}

  void run(const KernelCall& call) const override {
    if (short_) {
      pieces(call.pool, sweep_.kept(call.rows), block_elements,
             [&](std::int64_t first, std::int64_t last) { short_rows(call, first, last - first); });
      return;
    }
    sweep_.run(
        call, [&](const float* x, std::int64_t to) { row(call, x, to); },
        [&](const float* x, std::int64_t to, std::int64_t n) { column(call, x, to, n); },
        [](std::int64_t, std::int64_t) {});
  }

 private:
  void row(const KernelCall& call, const float* x, std::int64_t to) const {
    sweep_.lines(call, x, [&](const float* p, std::int64_t n) {
      float* out = call.out() + to;
      const float most = rows_->maximum(p, n);
      const double sum = rows_->exponentials(p, n, most, out);
      rows_->affine(out, n, 0, static_cast<float>(1 / sum), out);
      call.finish(to, n);
    });
  }

  void column(const KernelCall& call, const float* x, std::int64_t to, std::int64_t n) const {
    alignas(64) double sum[block_elements] = {};
    alignas(64) float most[block_elements], factor[block_elements], zero[block_elements] = {};
    std::fill_n(most, block_elements, -infinity);
    sweep_.lines(call, x, [&](const float* p, std::int64_t) { columns_->maximum(most, p, n); });
    sweep_.lines(call, x, [&](const float* p, std::int64_t) {
      columns_->exponentials(sum, p, most, call.out() + to + (p - x), n);
    });
    for (std::int64_t i = 0; i < block_elements; ++i)
      factor[i] = i < n ? static_cast<float>(1 / sum[i]) : 0;
    sweep_.lines(call, x, [&](const float* p, std::int64_t) {
      const std::int64_t at = to + (p - x);
      columns_->affine(call.out() + at, zero, factor, call.out() + at, n);
      call.finish(at, n);
    });
  }

  // Rows first to first + n as columns; each is summed in the order in which a row's 16 lanes are.
  void short_rows(const KernelCall& call, std::int64_t first, std::int64_t n) const {
    alignas(64) float x[Sweep::short_row][block_elements];
    alignas(64) double sum[Sweep::short_row][block_elements];
    alignas(64) float most[block_elements], factor[block_elements] = {}, zero[block_elements] = {};
    const std::int64_t length = sweep_.reduced(), at = first * length;
    std::fill_n(most, block_elements, -infinity);
    for (std::int64_t j = 0; j < length; ++j) {
      for (std::int64_t i = 0; i < n; ++i) x[j][i] = call.f32(0)[at + i * length + j];
      columns_->maximum(most, x[j], n);
    }
    for (std::int64_t j = 0; j < length; ++j) {
      std::fill_n(sum[j], n + 16 < block_elements ? n + 16 : block_elements, 0.0);
      columns_->exponentials(sum[j], x[j], most, x[j], n);
    }
    for (std::int64_t width = Sweep::short_row / 2; width > 0; width /= 2)
      for (std::int64_t j = 0; j < width && j + width < length; ++j)
        for (std::int64_t i = 0; i < n; ++i) sum[j][i] += sum[j + width][i];
    for (std::int64_t i = 0; i < n; ++i) factor[i] = static_cast<float>(1 / sum[0][i]);
    for (std::int64_t j = 0; j < length; ++j) {
      columns_->affine(x[j], zero, factor, x[j], n);
      for (std::int64_t i = 0; i < n; ++i) call.out()[at + i * length + j] = x[j][i];
    }
    call.finish(at, n * length);
  }

  const RowKernels* rows_;
  const ColumnKernels* columns_;
  Sweep sweep_;
  bool short_;
};

// y = (x - mean) / sqrt(var + eps): mean first, then the variance about it.
class Normalization : public OperatorKernel {
 public:
  Normalization(const kind::Normalize& kind, const Nest<2>& kept, const Nest<2>& reduced,
                const OperatorContext& context)
      : eps_(kind.eps),
        centre_(kind.centre),
        three_(context.results.size() == 3),
        rows_(&row_kernels(context.options.isa)),
        columns_(&column_kernels(context.options.isa)),
        sweep_(kept, reduced) {}

  void run(const KernelCall& call) const override {
    const auto nothing = [](std::int64_t, std::int64_t) {};
    sweep_.run(
        call, [&](const float* x, std::int64_t to) { row(call, x, to); },
        [&](const float* x, std::int64_t to, std::int64_t n) { column(call, x, to, n); }, nothing);
  }

 private:
  void keep(const KernelCall& call, std::int64_t index, float mean, double variance) const {
    if (!three_) return;
    call.out(1)[index] = mean;
    call.out(2)[index] = static_cast<float>(variance);
  }

  float inverse(double variance) const {
    return static_cast<float>(1 / std::sqrt(variance + eps_));
  }

  // `to`: of the statistics; y has the layout of x.
  void row(const KernelCall& call, const float* x, std::int64_t to) const {
    const double size = sweep_.reduced();
    double sum = 0, squares = 0;
    if (centre_)
      sweep_.lines(call, x, [&](const float* p, std::int64_t n) { sum += rows_->sum(p, n); });
    const float mean = static_cast<float>(sum / size);
    sweep_.lines(call, x,
                 [&](const float* p, std::int64_t n) { squares += rows_->squares(p, n, mean); });
    const double variance = squares / size;
    keep(call, to, mean, variance);
    sweep_.lines(call, x, [&](const float* p, std::int64_t n) {
      const std::int64_t at = p - call.f32(0);
      rows_->affine(p, n, mean, inverse(variance), call.out() + at);
      call.finish(at, n);
    });
  }

  void column(const KernelCall& call, const float* x, std::int64_t to, std::int64_t n) const {
    alignas(64) double sum[block_elements] = {}, squares[block_elements] = {};
    alignas(64) float mean[block_elements] = {}, factor[block_elements] = {};
    const double size = sweep_.reduced();
    if (centre_)
      sweep_.lines(call, x, [&](const float* p, std::int64_t) { columns_->sum(sum, p, n); });
    for (std::int64_t i = 0; i < n; ++i) mean[i] = static_cast<float>(sum[i] / size);
    sweep_.lines(call, x,
                 [&](const float* p, std::int64_t) { columns_->squares(squares, p, mean, n); });
    for (std::int64_t i = 0; i < n; ++i) {
      keep(call, to + i, mean[i], squares[i] / size);
      factor[i] = inverse(squares[i] / size);
    }
    sweep_.lines(call, x, [&](const float* p, std::int64_t) {
      const std::int64_t at = p - call.f32(0);
      columns_->affine(p, mean, factor, call.out() + at, n);
      call.finish(at, n);
    });
  }

  double eps_;
  bool centre_, three_;
  const RowKernels* rows_;
  const ColumnKernels* columns_;
  Sweep sweep_;
};

struct Split {
  Nest<2> kept, reduced;
};

// Axes of the operand, kept or reduced; `to`: strides of the result that has the kept axes alone,
// or all.
Split split(const Shape& shape, const kind::Axes& axes, bool same_layout, bool rows) {
  Split result;
  const std::vector<std::int64_t> from = strides(shape);
  std::int64_t to = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    const bool gone = std::find(axes.begin(), axes.end(), static_cast<int>(axis)) != axes.end();
    const std::int64_t stride = same_layout ? from[axis] : gone ? 0 : to;
    (gone ? result.reduced : result.kept)
        .push_back({shape[axis], {from[axis], stride}, rows && axis == 0});
    if (!gone) to *= shape[axis];
  }
  std::reverse(result.kept.begin(), result.kept.end());
  std::reverse(result.reduced.begin(), result.reduced.end());
  return result;
}

}  // namespace

std::unique_ptr<OperatorKernel> strided_reduce(ReduceFn fn, Nest<2> kept, Nest<2> reduced,
                                               const OperatorContext& context) {
  const bool floats =
      context.operands[0].type.dtype == DType::f32 && context.results[0].dtype == DType::f32;
  if (floats && fn != ReduceFn::argmax)
    return std::make_unique<Reduction>(fn, kept, reduced, context);
  return std::make_unique<ElementReduction>(fn, std::move(kept), std::move(reduced), context);
}

std::unique_ptr<OperatorKernel> compile(const kind::Reduce& kind, const OperatorContext& context) {
  Split s = split(context.operands[0].type.shape, kind.axes, false, context.rows_out);
  return strided_reduce(kind.fn, s.kept, s.reduced, context);
}

std::unique_ptr<OperatorKernel> compile(const kind::Softmax& kind, const OperatorContext& context) {
  const Split s = split(context.operands[0].type.shape, {kind.axis}, true, context.rows_out);
  return std::make_unique<SoftmaxRows>(s.kept, s.reduced, context);
}

std::unique_ptr<OperatorKernel> compile(const kind::Normalize& kind,
                                        const OperatorContext& context) {
  const Split s = split(context.operands[0].type.shape, kind.axes, false, context.rows_out);
  return std::make_unique<Normalization>(kind, s.kept, s.reduced, context);
}

}  // namespace pliant::native
