#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "graph/reference/kernels.h"

namespace pliant::reference {

Offsets box(const Shape& sizes, const Offsets& strides) {
  Offsets result{0};
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    Offsets next;
    next.reserve(result.size() * static_cast<std::size_t>(sizes[axis]));
    for (const std::int64_t base : result)
      for (std::int64_t i = 0; i < sizes[axis]; ++i) next.push_back(base + i * strides[axis]);
    result = std::move(next);
  }
  return result;
}

bool is_integer(const TensorView& view) { return !is_float(view.type.dtype); }

void for_ranges(ThreadPool& pool, std::int64_t count, std::int64_t grain,
                const std::function<void(std::int64_t begin, std::int64_t end)>& work) {
  const std::int64_t step = std::max(grain, ceil_div(count, std::int64_t{16} * pool.threads()));
  pool.parallel(ceil_div(count, step),
                [&](std::int64_t i, int) { work(i * step, std::min(count, (i + 1) * step)); });
}

std::vector<double> to_doubles(const TensorView& view, ThreadPool& pool) {
  std::vector<double> result(static_cast<std::size_t>(elements(view.type.shape)));
  for_ranges(pool, static_cast<std::int64_t>(result.size()), 4096,
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t i = begin; i < end; ++i) result[i] = read(view, i);
             });
  return result;
}

namespace {

template <typename Element>
void copy_line(const std::byte* from, std::int64_t base, const Offsets& line, const Element& fill,
               std::byte* to) {
  const auto* source = reinterpret_cast<const Element*>(from);
  auto* result = reinterpret_cast<Element*>(to);
  for (std::size_t i = 0; i < line.size(); ++i)
    result[i] = line[i] == outside ? fill : source[base + line[i]];
}

using CopyLine = void (*)(const std::byte*, std::int64_t, const Offsets&, const std::byte*,
                          std::byte*);

template <typename Element>
void copy_line_filled(const std::byte* from, std::int64_t base, const Offsets& line,
                      const std::byte* fill, std::byte* to) {
  Element element{};
  if (fill != nullptr) std::memcpy(&element, fill, sizeof element);
  copy_line(from, base, line, element, to);
}

CopyLine line_copier(std::int64_t element_size) {
  switch (element_size) {
    case 1: return copy_line_filled<std::uint8_t>;
    case 2: return copy_line_filled<std::uint16_t>;
    case 4: return copy_line_filled<std::uint32_t>;
    default: return copy_line_filled<std::uint64_t>;
  }
}

// Source offset of the line that holds the given leading indices; `outside` if any of them is.
std::int64_t line_base(std::span<const Offsets> axes, std::int64_t line) {
  std::int64_t base = 0;
  for (std::size_t axis = axes.size(); axis-- > 0;) {
    const auto size = static_cast<std::int64_t>(axes[axis].size());
    const std::int64_t offset = axes[axis][line % size];
    if (offset == outside) return outside;
    base += offset;
    line /= size;
  }
  return base;
}

Offsets steps(std::int64_t count, std::int64_t start, std::int64_t stride) {
  Offsets result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) result[i] = start + i * stride;
  return result;
}

// Where element i of a padded axis comes from, as an index; `outside` for filling.
std::int64_t source_index(std::int64_t i, std::int64_t size, std::int64_t low,
                          std::int64_t interior, kind::PadMode mode) {
  i -= low;
  if (mode == kind::PadMode::edge) return std::clamp<std::int64_t>(i, 0, size - 1);
  if (mode == kind::PadMode::reflect) {
    if (size == 1) return 0;
    const std::int64_t period = 2 * (size - 1), phase = ((i % period) + period) % period;
    return phase < size ? phase : period - phase;
  }
  const std::int64_t pitch = interior + 1;
  if (i < 0 || i % pitch != 0 || i / pitch >= size) return outside;
  return i / pitch;
}

void pad_into(const TensorView& x, const kind::Pad& pad, const TensorView& out, ThreadPool& pool) {
  const auto pitch = strides(x.type.shape);
  std::vector<Offsets> axes(pitch.size());
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    for (std::int64_t i = 0; i < out.type.shape[axis]; ++i) {
      const std::int64_t from =
          source_index(i, x.type.shape[axis], pad.low[axis], pad.interior[axis], pad.mode);
      axes[axis].push_back(from == outside ? outside : from * pitch[axis]);
    }
  const Tensor fill = Tensor::of(x.type.dtype, {}, {pad.value});
  copy_mapped(x, 0, axes, out, 0, fill.raw().data(), pool);
}

}  // namespace

void copy_mapped(const TensorView& x, std::int64_t base, std::span<const Offsets> axes,
                 const TensorView& out, std::int64_t out_base, const std::byte* fill,
                 ThreadPool& pool) {
  static const Offsets single{0};
  const Offsets& line = axes.empty() ? single : axes.back();
  const auto leading = axes.empty() ? axes : axes.first(axes.size() - 1);
  std::int64_t lines = 1;
  for (const Offsets& axis : leading) lines *= static_cast<std::int64_t>(axis.size());
  const std::int64_t size = size_of(x.type.dtype);
  const auto length = static_cast<std::int64_t>(line.size());
  const Offsets all_outside(line.size(), outside);
  const CopyLine copy = line_copier(size);
  for_ranges(pool, lines, 16384 / (length + 1) + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t from = line_base(leading, i);
      copy(x.data, from == outside ? 0 : base + from, from == outside ? all_outside : line, fill,
           out.data + (out_base + i * length) * size);
    }
  });
}

Tensor padded(const TensorView& x, const kind::Pad& pad, ThreadPool& pool) {
  TensorType type = x.type;
  for (std::size_t axis = 0; axis < type.shape.size(); ++axis)
    type.shape[axis] += pad.low[axis] + pad.high[axis] +
                        pad.interior[axis] * std::max<std::int64_t>(0, type.shape[axis] - 1);
  Tensor result(type);
  pad_into(x, pad, result.view(), pool);
  return result;
}

void evaluate(const kind::Pad& pad, const OperatorCall& call) {
  pad_into(call.in[0], pad, call.out[0], call.pool);
}

void evaluate(const kind::Reshape&, const OperatorCall& call) {
  const auto count = static_cast<std::size_t>(bytes(call.in[0].type));
  if (count > 0) std::memcpy(call.out[0].data, call.in[0].data, count);
}

void evaluate(const kind::Slice& slice, const OperatorCall& call) {
  const auto pitch = strides(call.in[0].type.shape);
  std::vector<Offsets> axes;
  // the result's size, not the slice's: rows may run short
  for (std::size_t axis = 0; axis < pitch.size(); ++axis)
    axes.push_back(steps(call.out[0].type.shape[axis], slice.start[axis] * pitch[axis],
                         slice.step[axis] * pitch[axis]));
  copy_mapped(call.in[0], 0, axes, call.out[0], 0, nullptr, call.pool);
}

void evaluate(const kind::Window& window, const OperatorCall& call) {
  const auto pitch = strides(call.in[0].type.shape);
  const Shape& shape = call.out[0].type.shape;
  std::vector<Offsets> axes;
  for (std::size_t axis = 0; axis < pitch.size(); ++axis)
    axes.push_back(steps(shape[axis], 0, pitch[axis]));
  for (std::size_t i = 0; i < window.axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(window.axes[i]);
    axes[axis] = steps(shape[axis], 0, window.stride[i] * pitch[axis]);
    axes.push_back(steps(window.size[i], 0, window.dilation[i] * pitch[axis]));
  }
  copy_mapped(call.in[0], 0, axes, call.out[0], 0, nullptr, call.pool);
}

void evaluate(const kind::Concat& concat, const OperatorCall& call) {
  const auto axis = static_cast<std::size_t>(concat.axis);
  const TensorView& out = call.out[0];
  const std::int64_t size = size_of(out.type.dtype), pitch = strides(out.type.shape)[axis];
  std::int64_t outer = 1, at = 0;
  for (std::size_t i = 0; i < axis; ++i) outer *= out.type.shape[i];
  for (const TensorView& part : call.in) {
    const std::int64_t run = part.type.shape[axis] * pitch, line = out.type.shape[axis] * pitch;
    for (std::int64_t i = 0; run > 0 && i < outer; ++i)
      std::memcpy(out.data + (i * line + at) * size, part.data + i * run * size,
                  static_cast<std::size_t>(run * size));
    at += run;
  }
}

void evaluate(const kind::Gather& gather, const OperatorCall& call) {
  const TensorView &x = call.in[gather.x], &index = call.in[gather.index];
  const auto axis = static_cast<std::size_t>(gather.axis),
             paired = static_cast<std::size_t>(gather.batch_axes);
  const auto pitch = strides(x.type.shape);
  std::vector<Offsets> axes;
  for (std::size_t i = paired; i < pitch.size(); ++i)
    axes.push_back(steps(x.type.shape[i], 0, pitch[i]));
  std::int64_t batches = 1;
  for (std::size_t i = 0; i < paired; ++i) batches *= index.type.shape[i];
  const std::int64_t count = batches == 0 ? 0 : elements(index.type.shape) / batches;
  const std::int64_t x_step = paired == 0 ? 0 : pitch[paired - 1];
  const std::int64_t out_step = batches == 0 ? 0 : elements(call.out[0].type.shape) / batches;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    Offsets& picked = axes[axis - paired];
    picked.assign(count, 0);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t wanted = get_int(index, batch * count + i);
      if (wanted < 0 || wanted >= x.type.shape[axis])
        throw Error(
            ErrorKind::invalid, std::string(call.place),
            fmt::format("index {} is outside axis {} of {}", wanted, axis, to_string(x.type)));
      picked[i] = wanted * pitch[axis];
    }
    copy_mapped(x, batch * x_step, axes, call.out[0], batch * out_step, nullptr, call.pool);
  }
}

void evaluate(const kind::Opaque& opaque, const OperatorCall& call) {
  throw Error(ErrorKind::unsupported, std::string(call.place),
              fmt::format("foreign operator {}.{} cannot be evaluated", opaque.domain, opaque.type),
              "it can only be planned");
}

}  // namespace pliant::reference
