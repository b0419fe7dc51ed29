// The other kinds in ONNX's operators.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/checked.h"
#include "formats/onnx/export/export.h"

namespace pliant::onnx {

namespace {

Integers range_integers(std::int64_t begin, std::int64_t end) {
  Integers values(std::max<std::int64_t>(end - begin, 0));
  std::iota(values.begin(), values.end(), begin);
  return values;
}

std::string transposed(Exporter& to, const std::string& x, const Integers& order) {
  if (std::is_sorted(order.begin(), order.end())) return x;
  return to.node("Transpose", {x}, {{"perm", attribute_of(order)}});
}

std::string reshaped(Exporter& to, const std::string& x, const Shape& shape) {
  Attributes attributes;
  if (std::count(shape.begin(), shape.end(), 0) > 0)
    attributes["allowzero"] = attribute_of(std::int64_t{1});
  return to.node("Reshape", {x, to.integers(shape)}, attributes);
}

std::string joined(const kind::Einsum& kind) {
  std::string text;
  for (const auto& labels : kind.in) text += (text.empty() ? "" : ",") + labels;
  return text + "->" + kind.out;
}

// Two operands whose labels are those of a matrix product, batched over equal leading labels.
bool is_matrix_product(const std::string& a, const std::string& b, const std::string& out) {
  if (a.size() < 2 || b.size() < 2 || out.size() != a.size()) return false;
  const char k = a.back(), n = b.back();
  const bool batched = b.size() == a.size() && a.compare(0, a.size() - 2, b, 0, b.size() - 2) == 0;
  if (!batched && b.size() != 2) return false;
  if (b[b.size() - 2] != k || n == k || a.find(n) != std::string::npos) return false;
  std::string rest = a.substr(0, a.size() - 1);
  return out == rest + n && std::count(a.begin(), a.end(), k) == 1;
}

bool distinct(const std::string& labels) {
  return std::all_of(labels.begin(), labels.end(),
                     [&](char c) { return std::count(labels.begin(), labels.end(), c) == 1; });
}

Integers doubled(const kind::Sizes& low, const kind::Sizes& high) {
  Integers pads = low;
  pads.insert(pads.end(), high.begin(), high.end());
  return pads;
}

}  // namespace

std::string export_kind(Exporter& to, const Op& op, const kind::Einsum& kind) {
  std::vector<std::string> in;
  for (ValueId id : op.in) in.push_back(to.name(id));
  const std::string& first = kind.in[0];
  if (in.size() == 1 && first.size() == kind.out.size() && distinct(first)) {
    Integers order;
    for (char label : kind.out) order.push_back(first.find(label));
    return transposed(to, in[0], order);
  }
  if (in.size() == 2 && distinct(first) && is_matrix_product(first, kind.in[1], kind.out))
    return to.node("MatMul", in);
  if (in.size() == 2 && first.size() == 2 && distinct(first) && kind.in[1].size() == 2 &&
      is_float(to.result(op).dtype)) {
    const std::string& b = kind.in[1];
    if (b[1] == first[1] && b[0] != first[0] && b[0] != b[1] &&
        kind.out == std::string{first[0], b[0]})
      return to.node("Gemm", in, {{"transB", attribute_of(std::int64_t{1})}});
  }
  return to.node("Einsum", in, {{"equation", attribute_of(joined(kind))}});
}

std::string export_kind(Exporter& to, const Op& op, const kind::Reduce& kind) {
  using kind::ReduceFn;
  const std::string& x = to.name(op.in[0]);
  if (kind.axes.empty()) return x;
  const Integers axes(kind.axes.begin(), kind.axes.end());
  const NodeAttribute keep = attribute_of(std::int64_t{kind.keep});
  if (kind.fn == ReduceFn::sum)
    return to.node("ReduceSum", {x, to.integers(axes)}, {{"keepdims", keep}});
  if (kind.fn == ReduceFn::argmax) {
    const std::string at =
        to.node("ArgMax", {x}, {{"axis", attribute_of(axes[0])}, {"keepdims", keep}});
    return to.cast(at, DType::i64, DType::i32);
  }
  const char* type = kind.fn == ReduceFn::mean      ? "ReduceMean"
                     : kind.fn == ReduceFn::max     ? "ReduceMax"
                     : kind.fn == ReduceFn::min     ? "ReduceMin"
                     : kind.fn == ReduceFn::product ? "ReduceProd"
                                                    : "ReduceLogSumExp";
  return to.node(type, {x}, {{"axes", attribute_of(axes)}, {"keepdims", keep}});
}

std::string export_kind(Exporter& to, const Op& op, const kind::Gather& kind) {
  const std::string &x = to.name(op.in[kind.x]), &index = to.name(op.in[kind.index]);
  const TensorType &type = to.type(op, kind.x), &index_type = to.type(op, kind.index);
  if (kind.batch_axes == 0)
    return to.node("Gather", {x, index}, {{"axis", attribute_of(std::int64_t{kind.axis})}});
  const std::int64_t rank = std::ssize(type.shape), axis = kind.axis, batch = kind.batch_axes;
  // the indexed axis moves behind the batch axes, and what stood between them back afterwards
  Integers order = range_integers(0, batch);
  order.push_back(axis);
  for (std::int64_t i = batch; i < rank; ++i)
    if (i != axis) order.push_back(i);
  Shape column = index_type.shape;
  column.push_back(1);
  const std::string columns = reshaped(to, to.cast(index, index_type.dtype, DType::i64), column);
  const std::string picked = to.node("GatherND", {transposed(to, x, order), columns},
                                     {{"batch_dims", attribute_of(batch)}});
  const std::int64_t indices = std::ssize(index_type.shape) - batch, between = axis - batch;
  Integers back = range_integers(0, batch);
  for (std::int64_t i = 0; i < between; ++i) back.push_back(batch + indices + i);
  for (std::int64_t i = 0; i < indices; ++i) back.push_back(batch + i);
  for (std::int64_t i = batch + indices + between; i < rank - 1 + indices; ++i) back.push_back(i);
  return transposed(to, picked, back);
}

std::string export_kind(Exporter& to, const Op& op, const kind::Reshape& kind) {
  return reshaped(to, to.name(op.in[0]), kind.shape);
}

std::string export_kind(Exporter& to, const Op& op, const kind::Slice& kind) {
  Integers starts, ends, axes, steps;
  for (std::size_t i = 0; i < kind.size.size(); ++i) {
    if (kind.size[i] == to.type(op, 0).shape[i] && kind.step[i] == 1) continue;
    const std::int64_t end = kind.size[i] == 0 ? kind.start[i]
                                               : kind.start[i] + (kind.size[i] - 1) * kind.step[i] +
                                                     (kind.step[i] > 0 ? 1 : -1);
    starts.push_back(kind.start[i]), axes.push_back(i), steps.push_back(kind.step[i]);
    ends.push_back(end < 0 ? -std::numeric_limits<std::int64_t>::max() : end);
  }
  const std::string& x = to.name(op.in[0]);
  if (axes.empty()) return x;
  return to.node(
      "Slice", {x, to.integers(starts), to.integers(ends), to.integers(axes), to.integers(steps)});
}

std::string export_kind(Exporter& to, const Op& op, const kind::Concat& kind) {
  std::vector<std::string> in;
  for (ValueId id : op.in) in.push_back(to.name(id));
  return to.node("Concat", in, {{"axis", attribute_of(std::int64_t{kind.axis})}});
}

namespace {

// Zeros (or `value`) between neighbours of one axis: the axis is split off, padded behind each
// element, joined, and the last padding cut away.
std::string spread(Exporter& to, const std::string& x, Shape& shape, std::size_t axis,
                   std::int64_t gap, const std::string& value) {
  Shape apart = shape, joined = shape;
  apart.insert(apart.begin() + axis + 1, 1);
  Integers pads(2 * apart.size(), 0);
  pads[apart.size() + axis + 1] = gap;
  const std::string padded = to.node("Pad", {reshaped(to, x, apart), to.integers(pads), value});
  joined[axis] = shape[axis] * (gap + 1);
  const std::string together = reshaped(to, padded, joined);
  shape[axis] = joined[axis] - gap;
  return to.node("Slice", {together, to.integers({0}), to.integers({shape[axis]}),
                           to.integers({static_cast<std::int64_t>(axis)})});
}

const char* pad_mode(kind::PadMode mode) {
  return mode == kind::PadMode::constant ? "constant"
         : mode == kind::PadMode::edge   ? "edge"
                                         : "reflect";
}

}  // namespace

std::string export_pad(Exporter& to, std::string x, const TensorType& type, const kind::Pad& pad) {
  const std::size_t rank = type.shape.size();
  const std::string value =
      to.scalar(pad.mode == kind::PadMode::constant ? pad.value : 0, type.dtype);
  Shape shape = type.shape;
  for (std::size_t i = 0; i < rank; ++i)
    if (pad.interior[i] > 0 && shape[i] > 1) x = spread(to, x, shape, i, pad.interior[i], value);
  Integers more(2 * rank, 0), starts, ends, axes;
  bool grows = false;
  for (std::size_t i = 0; i < rank; ++i) {
    more[i] = std::max<std::int64_t>(pad.low[i], 0),
    more[rank + i] = std::max<std::int64_t>(pad.high[i], 0);
    grows = grows || more[i] > 0 || more[rank + i] > 0;
    shape[i] = checked_add(checked_add(shape[i], more[i], "pad"), more[rank + i], "pad");
    if (pad.low[i] >= 0 && pad.high[i] >= 0) continue;
    starts.push_back(std::max<std::int64_t>(-pad.low[i], 0));
    ends.push_back(shape[i] + std::min<std::int64_t>(pad.high[i], 0)), axes.push_back(i);
  }
  // ONNX crops after it pads: what stands between is a tensor too, and must have a size.
  if (grows) {
    bytes(TensorType{type.dtype, shape});  // throws beyond 64 bits
    x = to.node("Pad", {x, to.integers(more), value},
                {{"mode", attribute_of(std::string(pad_mode(pad.mode)))}});
  }
  if (!axes.empty())
    x = to.node("Slice", {x, to.integers(starts), to.integers(ends), to.integers(axes)});
  return x;
}

std::string export_kind(Exporter& to, const Op& op, const kind::Pad& kind) {
  return export_pad(to, to.name(op.in[0]), to.type(op, 0), kind);
}

// A gather of positions per window axis makes (count, size) in its place; then the sizes move to
// the end.
std::string export_kind(Exporter& to, const Op& op, const kind::Window& kind) {
  std::string x = to.name(op.in[0]);
  const std::int64_t rank = to.type(op, 0).shape.size();
  Integers axes = range_integers(0, rank);
  Integers by_axis = range_integers(0, std::ssize(kind.axes));
  std::sort(by_axis.begin(), by_axis.end(),
            [&](auto a, auto b) { return kind.axes[a] > kind.axes[b]; });
  for (auto each : by_axis) {
    const std::size_t i = each;
    const std::int64_t axis = kind.axes[i], count = to.result(op).shape[axis];
    Tensor positions({DType::i64, {count, kind.size[i]}});
    for (std::int64_t p = 0; p < count; ++p)
      for (std::int64_t q = 0; q < kind.size[i]; ++q)
        set_int(positions.view(), p * kind.size[i] + q, p * kind.stride[i] + q * kind.dilation[i]);
    x = to.node("Gather", {x, to.tensor(std::move(positions), op.name + "/positions")},
                {{"axis", attribute_of(axis)}});
    axes.insert(axes.begin() + axis + 1, rank + each);
  }
  Integers order(axes.size());
  for (std::size_t at = 0; at < axes.size(); ++at) order[axes[at]] = at;
  return transposed(to, x, order);
}

std::string export_kind(Exporter& to, const Op& op, const kind::Softmax& kind) {
  return to.node("Softmax", {to.name(op.in[0])}, {{"axis", attribute_of(std::int64_t{kind.axis})}});
}

std::string export_kind(Exporter& to, const Op& op, const kind::Convolve& kind) {
  const Shape& w = to.type(op, kind.w).shape;
  Attributes attributes{{"kernel_shape", attribute_of(Integers(w.begin() + 2, w.end()))},
                        {"strides", attribute_of(kind.stride)},
                        {"dilations", attribute_of(kind.dilation)},
                        {"group", attribute_of(kind.groups)}};
  kind::Sizes high = kind.high;
  kind::Pad tail;  // rows that only zeros reach
  tail.low.assign(high.size() + 2, 0), tail.high = tail.interior = tail.low;
  TensorType type = to.result(op);
  bool grows = false;
  for (std::size_t i = 0; i < high.size(); ++i) {
    if (high[i] >= 0) continue;
    tail.high[i + 2] = -high[i], type.shape[i + 2] += high[i];
    high[i] = 0, grows = true;
  }
  attributes["pads"] = attribute_of(doubled(kind.low, high));
  const std::vector<std::string> operands{to.name(op.in[kind.x]), to.name(op.in[kind.w])};
  const std::string y = to.node(kind.transposed ? "ConvTranspose" : "Conv", operands, attributes);
  return grows ? export_pad(to, y, type, tail) : y;
}

std::string export_kind(Exporter& to, const Op& op, const kind::Pool& kind) {
  Attributes attributes{{"kernel_shape", attribute_of(kind.size)},
                        {"strides", attribute_of(kind.stride)},
                        {"pads", attribute_of(doubled(kind.low, kind.high))}};
  if (kind.fn == kind::PoolFn::max) {
    attributes["dilations"] = attribute_of(kind.dilation);
    return to.node("MaxPool", {to.name(op.in[kind.x])}, attributes);
  }
  attributes["count_include_pad"] = attribute_of(std::int64_t{!kind.divide_by_valid});
  return to.node("AveragePool", {to.name(op.in[kind.x])}, attributes);
}

bool exported_whole(const Graph& graph, const Op& op) {
  if (std::holds_alternative<kind::Softmax>(op.kind) ||
      std::holds_alternative<kind::Convolve>(op.kind))
    return true;
  const auto* pool = std::get_if<kind::Pool>(&op.kind);
  if (!pool) return false;
  const DType dtype = graph.value(op.in[pool->x]).type.dtype;
  const bool typed = is_float(dtype) ||
                     (pool->fn == kind::PoolFn::max && (dtype == DType::i8 || dtype == DType::u8));
  for (std::size_t i = 0; i < pool->size.size(); ++i) {
    if (pool->low[i] >= pool->size[i] || pool->high[i] >= pool->size[i]) return false;
    if (pool->fn == kind::PoolFn::mean && pool->dilation[i] != 1) return false;
  }
  return typed;
}

}  // namespace pliant::onnx
