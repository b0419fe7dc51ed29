// Kinds that only move elements: nests of strided copies, for every element type.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

template <typename T>
void copy_elements(const std::byte* from, std::int64_t from_stride, std::byte* to,
                   std::int64_t to_stride, std::int64_t n) {
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  for (std::int64_t i = 0; i < n; ++i) y[i * to_stride] = x[i * from_stride];
}

// Lines of a few 4-byte elements, one after the other along an axis.
void copy_short(const std::byte* from, std::int64_t from_step, std::byte* to, std::int64_t to_step,
                std::int64_t lines, std::int64_t n) {
  const auto* x = reinterpret_cast<const std::uint32_t*>(from);
  auto* y = reinterpret_cast<std::uint32_t*>(to);
  for (std::int64_t line = 0; line < lines; ++line, x += from_step, y += to_step)
    for (std::int64_t i = 0; i < n; ++i) y[i] = x[i];
}

void copy_line(const std::byte* from, std::int64_t from_stride, std::byte* to,
               std::int64_t to_stride, std::int64_t n, std::int64_t size) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, n * size);
    return;
  }
  switch (size) {
    case 1: return copy_elements<std::uint8_t>(from, from_stride, to, to_stride, n);
    case 2: return copy_elements<std::uint16_t>(from, from_stride, to, to_stride, n);
    case 4: return copy_elements<std::uint32_t>(from, from_stride, to, to_stride, n);
    default: return copy_elements<std::uint64_t>(from, from_stride, to, to_stride, n);
  }
}

// [0]: stride in the source, [1]: in the result. Work is split over the outer axes only.
struct Copier {
  Nest<2> outer, rest;            // rest: without its innermost axis
  Axis<2> inner;                  // innermost
  std::int64_t from = 0, to = 0;  // of the first element
  std::int64_t size = 4;          // bytes per element

  Copier(const Nest<2>& nest, std::int64_t from, std::int64_t to, DType dtype)
      : outer(merge(nest)), from(from), to(to), size(size_of(dtype)) {
    if (!outer.empty() && !(outer.size() == 1 && outer.back().rows)) {
      inner = outer.back();
      outer.pop_back();
    }
    rest = outer;
    if (!rest.empty()) rest.pop_back();
  }

  // Two axes of which each is the contiguous one of one side: square tiles keep both sides' lines
  // in the first cache.
  bool transposes() const {
    return size == 4 && !outer.empty() && outer.back().stride[0] == 1 && inner.stride[1] == 1 &&
           inner.stride[0] != 1;
  }

  void run_tiles(const std::byte* source, std::byte* result, const Rows& rows,
                 ThreadPool& pool) const {
    constexpr std::int64_t tile = 16;
    const Axis<2>& down = outer.back();
    const std::int64_t height = rows.size(down), width = rows.size(inner),
                       strips = (height + tile - 1) / tile;
    each(pool, count(rest, rows) * strips, [&](std::int64_t task) {
      const auto at = offsets(rest, task / strips, rows);
      const float* x = reinterpret_cast<const float*>(source) + from + at[0];
      float* y = reinterpret_cast<float*>(result) + to + at[1];
      const std::int64_t top = task % strips * tile, bottom = std::min(top + tile, height);
      for (std::int64_t left = 0; left < width; left += tile) {
        const std::int64_t right = std::min(left + tile, width);
        float square[tile][tile];  // so that each line of either side is touched once
        for (std::int64_t j = left; j < right; ++j)
          std::memcpy(square[j - left], x + top + j * inner.stride[0],
                      (bottom - top) * sizeof(float));
        for (std::int64_t i = top; i < bottom; ++i)
          for (std::int64_t j = left; j < right; ++j)
            y[i * down.stride[1] + j] = square[j - left][i - top];
      }
    });
  }

  void run(const std::byte* source, std::byte* result, const Rows& rows, ThreadPool& pool) const {
    if (transposes()) return run_tiles(source, result, rows, pool);
    const std::int64_t lines = count(outer, rows), length = rows.size(inner);
    const bool contiguous = size == 4 && inner.stride[0] == 1 && inner.stride[1] == 1;
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(length, 1));
    pieces(pool, lines, grain, [&](std::int64_t first, std::int64_t last) {
      if (contiguous && length <= 8 && outer.size() == 1) {
        const Axis<2>& axis = outer.back();
        const std::int64_t from_start = from + first * axis.stride[0],
                           to_start = to + first * axis.stride[1];
        return copy_short(source + from_start * size, axis.stride[0], result + to_start * size,
                          axis.stride[1], last - first, length);
      }
      for (std::int64_t line = first; line < last; ++line) {
        const auto at = offsets(outer, line, rows);
        copy_line(source + (from + at[0]) * size, inner.stride[0], result + (to + at[1]) * size,
                  inner.stride[1], length, size);
      }
    });
  }
};

class StridedCopy : public OperatorKernel {
 public:
  StridedCopy(const Nest<2>& nest, std::int64_t from, std::int64_t to, DType dtype)
      : copier_(nest, from, to, dtype) {}
  void run(const KernelCall& call) const override {
    copier_.run(call.data(0), call.outputs[0], call.rows, call.pool);
    call.finish(0, call.elements);
  }

 private:
  Copier copier_;
};

class Concatenate : public OperatorKernel {
 public:
  Concatenate(const kind::Concat& kind, const OperatorContext& context) {
    const TensorType& result = context.results[0];
    const std::vector<std::int64_t> to = strides(result.shape);
    std::int64_t at = 0;
    for (const Operand& part : context.operands) {
      const Shape& shape = part.type.shape;
      const std::vector<std::int64_t> from = strides(shape);
      Nest<2> nest;
      for (std::size_t axis = 0; axis < shape.size(); ++axis)
        nest.push_back({shape[axis], {from[axis], to[axis]}, axis == 0 && context.rows_out});
      parts_.emplace_back(nest, 0, at, result.dtype);
      at += shape[kind.axis] * to[kind.axis];
    }
  }
  void run(const KernelCall& call) const override {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      parts_[i].run(call.data(i), call.outputs[0], call.rows, call.pool);
    call.finish(0, call.elements);
  }

 private:
  std::vector<Copier> parts_;
};

// Where element i of a padded axis comes from, in elements of the operand; -1: the filling.
struct PadAxis {
  std::int64_t low, interior, size;  // of the operand
  kind::PadMode mode;

  std::int64_t source(std::int64_t i) const {
    std::int64_t at = i - low;
    const std::int64_t step = interior + 1, spread = size == 0 ? 0 : (size - 1) * step + 1;
    if (mode == kind::PadMode::constant)
      return at < 0 || at >= spread || at % step != 0 ? -1 : at / step;
    if (mode == kind::PadMode::edge) return std::clamp<std::int64_t>(at, 0, size - 1);
    if (size == 1) return 0;
    const std::int64_t period = 2 * (size - 1);
    at = ((at % period) + period) % period;
    return at < size ? at : period - at;
  }
};

class Padding : public OperatorKernel {
 public:
  Padding(const kind::Pad& kind, const OperatorContext& context)
      : from_(strides(context.operands[0].type.shape)),
        result_(context.results[0]),
        size_(size_of(result_.dtype)) {
    for (std::size_t axis = 0; axis < from_.size(); ++axis)
      axes_.push_back(
          {kind.low[axis], kind.interior[axis], context.operands[0].type.shape[axis], kind.mode});
    filling_.assign(8, std::byte{0});
    set({{result_.dtype, {}}, filling_.data()}, 0, kind.value);
  }

  void run(const KernelCall& call) const override {
    const Shape& shape = result_.shape;
    const std::int64_t length = shape.empty() ? 1 : shape.back(), lines = call.elements / length;
    const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(length, 1));
    pieces(call.pool, lines, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t line = first; line < last; ++line) {
        pad_line(call.data(0), call.outputs[0] + line * length * size_, shape, line, length);
        call.finish(line * length, length);
      }
    });
  }

 private:
  void fill(std::byte* to, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * size_, filling_.data(), size_);
  }

  void pad_line(const std::byte* x, std::byte* to, const Shape& shape, std::int64_t line,
                std::int64_t length) const {
    std::int64_t base = 0;
    for (std::size_t axis = shape.size(); axis-- > 1;) {
      const std::int64_t i = axes_[axis - 1].source(line % shape[axis - 1]);
      line /= shape[axis - 1];
      if (i < 0) return fill(to, length);
      base += i * from_[axis - 1];
    }
    if (axes_.empty()) return static_cast<void>(std::memcpy(to, x, size_));
    pad_innermost(x + base * size_, to, length);
  }

  void pad_innermost(const std::byte* x, std::byte* to, std::int64_t length) const {
    const PadAxis& axis = axes_.back();
    if (axis.mode == kind::PadMode::constant && axis.interior == 0) {
      const std::int64_t begin = std::clamp<std::int64_t>(axis.low, 0, length);
      const std::int64_t end = std::clamp<std::int64_t>(axis.low + axis.size, begin, length);
      fill(to, begin);
      if (end > begin)
        std::memcpy(to + begin * size_, x + (begin - axis.low) * size_, (end - begin) * size_);
      return fill(to + end * size_, length - end);
    }
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t at = axis.source(i);
      if (at < 0) fill(to + i * size_, 1);
      else std::memcpy(to + i * size_, x + at * size_, size_);
    }
  }

  std::vector<std::int64_t> from_;
  TensorType result_;
  std::int64_t size_;
  std::vector<PadAxis> axes_;
  std::vector<std::byte> filling_;
};

}  // namespace

std::unique_ptr<OperatorKernel> strided_copy(Nest<2> nest, std::int64_t from, std::int64_t to,
                                             DType dtype) {
  return std::make_unique<StridedCopy>(nest, from, to, dtype);
}

std::unique_ptr<OperatorKernel> compile(const kind::Reshape&, const OperatorContext& context) {
  Nest<2> nest{{context.rows_out ? context.results[0].shape[0] : 1, {0, 0}, context.rows_out}};
  const std::int64_t rest = context.rows_out && nest[0].size > 0
                                ? elements(context.results[0].shape) / nest[0].size
                                : elements(context.results[0].shape);
  nest[0].stride = {rest, rest};
  nest.push_back({rest, {1, 1}});
  return strided_copy(nest, 0, 0, context.results[0].dtype);
}

std::unique_ptr<OperatorKernel> compile(const kind::Slice& kind, const OperatorContext& context) {
  const std::vector<std::int64_t> from = strides(context.operands[0].type.shape),
                                  to = strides(context.results[0].shape);
  Nest<2> nest;
  std::int64_t start = 0;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    nest.push_back(
        {kind.size[axis], {from[axis] * kind.step[axis], to[axis]}, axis == 0 && context.rows_out});
    start += kind.start[axis] * from[axis];
  }
  return strided_copy(nest, start, 0, context.results[0].dtype);
}

std::unique_ptr<OperatorKernel> compile(const kind::Concat& kind, const OperatorContext& context) {
  return std::make_unique<Concatenate>(kind, context);
}

std::unique_ptr<OperatorKernel> compile(const kind::Pad& kind, const OperatorContext& context) {
  return std::make_unique<Padding>(kind, context);
}

std::unique_ptr<OperatorKernel> compile(const kind::Window& kind, const OperatorContext& context) {
  const std::vector<std::int64_t> from = strides(context.operands[0].type.shape),
                                  to = strides(context.results[0].shape);
  Nest<2> nest;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    std::int64_t step = from[axis];
    for (std::size_t w = 0; w < kind.axes.size(); ++w)
      if (static_cast<std::size_t>(kind.axes[w]) == axis) step *= kind.stride[w];
    nest.push_back(
        {context.results[0].shape[axis], {step, to[axis]}, axis == 0 && context.rows_out});
  }
  for (std::size_t w = 0; w < kind.axes.size(); ++w)
    nest.push_back({kind.size[w], {from[kind.axes[w]] * kind.dilation[w], to[from.size() + w]}});
  return strided_copy(nest, 0, 0, context.results[0].dtype);
}

}  // namespace pliant::native
