#include "formats/tflite/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "formats/tflite/tflite.h"
#include "graph/passes/passes.h"

namespace pliant::tflite {
namespace {

Tensor transposed(const Tensor& x, const Integers& order) {
  const Shape& from = x.type().shape;
  Shape shape;
  for (const auto axis : order) shape.push_back(from[axis]);
  Tensor result({x.type().dtype, shape});
  const Integers steps = strides(from);
  const std::int64_t size = size_of(x.type().dtype), count = elements(shape);
  Integers at(order.size(), 0);
  std::byte* out = result.view().data;
  std::int64_t source = 0;
  for (std::int64_t i = 0; i < count; ++i, out += size) {
    std::memcpy(out, x.raw().data() + source * size, size);
    for (std::size_t k = order.size(); k-- > 0;) {
      source += steps[order[k]];
      if (++at[k] < shape[k]) break;
      source -= at[k] * steps[order[k]];
      at[k] = 0;
    }
  }
  return result;
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  Tensor result({x.type().dtype, shape});
  std::ranges::copy(x.raw(), result.view().data);
  return result;
}

// Whether a transposition moves axes of size 1 alone, so that the elements stay where they are.
bool keeps_order(const Shape& shape, const Integers& order) {
  Integers large;
  for (const auto axis : order)
    if (shape[axis] != 1) large.push_back(axis);
  return std::is_sorted(large.begin(), large.end());
}

}  // namespace

int placed(int axis, Layout layout) {
  return layout == Layout::plain || axis == 0 ? axis : axis == 1 ? 3 : axis - 1;
}

Integers arranged(const Integers& by_axis, Layout layout) {
  if (layout == Layout::plain) return by_axis;
  return {by_axis[0], by_axis[2], by_axis[3], by_axis[1]};
}

Writer::Writer(const Graph& graph, const WeightStore& weights)
    : graph_(graph), weights_(weights), consumers_(graph.consumers()) {
  places_.resize(graph.values().size());
  layouts_.resize(graph.values().size());
  for (const ValueId id : places_.ids()) places_[id] = {-1, -1};
}

void Writer::refuse(const std::string& what) const {
  throw Error(ErrorKind::unsupported, graph_.op(now_).name, what);
}

Index Writer::tensor(TensorType type, std::shared_ptr<const Tensor> constant,
                     const std::string& base) {
  file_.tensors.push_back({base, std::move(type), std::move(constant)});
  return static_cast<Index>(file_.tensors.size() - 1);
}

Index Writer::constant(Tensor values, const std::string& base) {
  const TensorType type = values.type();
  return tensor(type, std::make_shared<const Tensor>(std::move(values)), base);
}

Index Writer::integers(const Integers& values) {
  if (const auto found = lists_.find(values); found != lists_.end()) return found->second;
  Tensor list({DType::i32, {std::ssize(values)}});
  for (std::size_t i = 0; i < values.size(); ++i) set_int(list.view(), i, values[i]);
  return lists_[values] = constant(std::move(list), "integers");
}

Index Writer::pairs(const Integers& low, const Integers& high) {
  Tensor list({DType::i32, {std::ssize(low), 2}});
  for (std::size_t i = 0; i < low.size(); ++i) {
    set_int(list.view(), 2 * i, low[i]);
    set_int(list.view(), 2 * i + 1, high[i]);
  }
  return constant(std::move(list), "paddings");
}

Index Writer::scalar(double value) {
  if (value != value || value == 0) return constant(Tensor::of(DType::f32, {}, {value}), "scalar");
  const auto [place, is_new] = scalars_.try_emplace(value, -1);
  if (is_new) place->second = constant(Tensor::of(DType::f32, {}, {value}), "scalar");
  return place->second;
}

Index Writer::op(Code code, std::vector<Index> in, TensorType result, Options options) {
  const Index out = tensor(std::move(result), nullptr,
                           fmt::format("{}/{}", graph_.op(now_).name, file_.operators.size()));
  file_.operators.push_back({code, std::move(in), {out}, std::move(options)});
  return out;
}

Index Writer::reshape(Index x, const Shape& shape) {
  if (type(x).shape == shape) return x;
  if (const auto values = file_.tensors[x].constant)
    return constant(reshaped(*values, shape), file_.tensors[x].name);
  const std::vector<std::int32_t> sizes(shape.begin(), shape.end());
  return op(Code::reshape, {x, integers(shape)}, {type(x).dtype, shape},
            {OptionsKind::reshape, {{0, sizes}}});
}

Index Writer::transpose(Index x, const Integers& order) {
  if (std::is_sorted(order.begin(), order.end())) return x;
  Shape shape;
  for (const auto axis : order) shape.push_back(type(x).shape[axis]);
  if (keeps_order(type(x).shape, order)) return reshape(x, shape);
  if (const auto values = file_.tensors[x].constant)
    return constant(transposed(*values, order), file_.tensors[x].name);
  return op(Code::transpose, {x, integers(order)}, {type(x).dtype, shape});
}

Index Writer::slice(Index x, const Integers& begin, const Integers& size) {
  if (type(x).shape == size) return x;
  return op(Code::slice, {x, integers(begin), integers(size)}, {type(x).dtype, size});
}

Index Writer::reduce(Code code, Index x, const Integers& axes, bool keep) {
  if (axes.empty()) return x;
  Shape shape;
  for (std::size_t i = 0; i < type(x).shape.size(); ++i) {
    const bool gone = std::ranges::binary_search(axes, static_cast<std::int64_t>(i));
    if (!gone) shape.push_back(type(x).shape[i]);
    else if (keep) shape.push_back(1);
  }
  return op(code, {x, integers(axes)}, {type(x).dtype, shape}, {OptionsKind::reducer, {{0, keep}}});
}

Index Writer::cast(Index x, DType to) {
  if (type(x).dtype == to) return x;
  return op(Code::cast, {x}, {to, type(x).shape}, {OptionsKind::cast, {}});
}

Index Writer::pad(Index x, const Integers& low, const Integers& high, double value) {
  Shape shape = type(x).shape;
  bool grows = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] += low[i] + high[i];
    grows = grows || low[i] > 0 || high[i] > 0;
  }
  if (!grows) return x;
  const Index paddings = pairs(low, high);
  if (value == 0) return op(Code::pad, {x, paddings}, {type(x).dtype, shape});
  return op(Code::pad_value, {x, paddings, scalar(value)}, {type(x).dtype, shape});
}

Index Writer::leaf(ValueId id) {
  const Value& value = graph_.value(id);
  if (value.role == Role::constant) return tensor(value.type, value.constant, value.name);
  Tensor plain = decode(weights_.at(value.name));
  if (plain.type() != value.type)
    throw Error(ErrorKind::invalid, value.name,
                fmt::format("the weight is {}, the graph has {}", to_string(plain.type()),
                            to_string(value.type)));
  return constant(std::move(plain), value.name);
}

Layout Writer::layout(ValueId id) const { return layouts_[id]; }

Index Writer::value(ValueId id, Layout layout) {
  auto& [plain, last] = places_[id];
  if (plain < 0 && last < 0) plain = leaf(id);
  if (layout == Layout::plain && plain < 0) plain = transpose(last, from_last);
  if (layout == Layout::last && last < 0) last = transpose(plain, to_last);
  return layout == Layout::plain ? plain : last;
}

Layout Writer::common_layout(const std::vector<ValueId>& values) const {
  const bool any = std::ranges::any_of(values, [&](ValueId id) {
    return type(id).shape.size() == 4 && layouts_[id] == Layout::last;
  });
  return any ? Layout::last : Layout::plain;
}

Index Writer::operand(ValueId id, std::size_t rank, Layout layout) {
  Shape shape = type(id).shape;
  if (layout == Layout::plain || shape.empty()) return value(id);
  if (shape.size() == rank) return value(id, layout);
  shape.insert(shape.begin(), rank - shape.size(), 1);
  return transpose(reshape(value(id), shape), to_last);
}

std::optional<Writer::Bias> Writer::bias_of(const Op& convolve) const {
  const ValueId made = convolve.out[0];
  const auto& readers = consumers_[made];
  const bool shown = std::ranges::find(graph_.outputs(), made) != graph_.outputs().end();
  if (readers.size() != 1 || shown) return {};
  const Op& next = graph_.op(readers[0]);
  const auto* map = std::get_if<kind::Map>(&next.kind);
  if (!map || std::ranges::count(next.in, made) != 1) return {};
  const std::size_t at = std::ranges::find(next.in, made) - next.in.begin();
  const auto& code = map->expr.code;
  const auto reads = [&](std::uint8_t from, std::size_t operand) {
    return code[from].fn == Fn::argument && code[from].a == operand;
  };
  std::optional<Bias> found;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const int uses = arity(code[i].fn);
    const bool first = uses > 0 && code[i].fn != Fn::argument && reads(code[i].a, at),
               second = uses > 1 && reads(code[i].b, at), third = uses > 2 && reads(code[i].c, at);
    if (!first && !second && !third) continue;
    const Instruction& other = code[first ? code[i].b : code[i].a];
    if (found || code[i].fn != Fn::add || first == second || other.fn != Fn::argument) return {};
    const ValueId bias = next.in[other.a];
    Shape wanted = type(made).shape, shape = type(bias).shape;
    shape.insert(shape.begin(), wanted.size() - std::min(wanted.size(), shape.size()), 1);
    for (std::size_t axis = 0; axis < wanted.size(); ++axis)
      if (axis != 1) wanted[axis] = 1;
    const bool leaf = is_leaf(bias) && graph_.value(bias).role != Role::input;
    if (!leaf || shape != wanted || type(bias).dtype != DType::f32) return {};
    found = Bias{readers[0], i, at, bias};
  }
  return found;
}

const Writer::Bias* Writer::taken_over() const {
  const auto found = taken_over_.find(now_);
  return found == taken_over_.end() ? nullptr : &found->second;
}

void Writer::add_inputs() {
  for (const ValueId id : graph_.inputs()) {
    TensorType type = graph_.value(id).type;
    const Layout layout = type.shape.size() == 4 ? Layout::last : Layout::plain;
    type.shape = arranged(type.shape, layout);
    const Index index = tensor(type, nullptr, graph_.value(id).name);
    layouts_[id] = layout;
    places_[id][static_cast<std::size_t>(layout)] = index;
    file_.inputs.push_back(index);
  }
}

void Writer::add_op() {
  const Op& op = graph_.op(now_);
  const Made made = std::visit(
      [&](const auto& kind) -> Made {
        if constexpr (requires { write_kind(*this, op, kind); }) return write_kind(*this, op, kind);
        else refuse(fmt::format("{} has no TFLite operator", pliant::name(op.kind)));
      },
      op.kind);
  const ValueId out = op.out[0];
  layouts_[out] = made.layout;
  places_[out][static_cast<std::size_t>(made.layout)] = made.tensor;
}

// An output is a tensor of its own, so that it can have the output's name.
void Writer::add_outputs() {
  for (std::size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    const bool image = type(id).shape.size() == 4;
    Index index = value(id, image ? Layout::last : Layout::plain);
    const bool taken = std::ranges::find(file_.inputs, index) != file_.inputs.end() ||
                       std::ranges::find(file_.outputs, index) != file_.outputs.end() ||
                       is_constant(index);
    if (taken)
      index = op(Code::reshape, {index, integers(type(index).shape)}, type(index),
                 {OptionsKind::reshape, {}});
    file_.tensors[index].name = graph_.output_names()[i];
    file_.outputs.push_back(index);
  }
}

File Writer::run() {
  add_inputs();
  for (const OpId id : graph_.ops().ids()) now_ = id, add_op();
  add_outputs();
  return std::move(file_);
}

}  // namespace pliant::tflite

namespace pliant {

std::string write_tflite(const Graph& graph, const WeightStore& weights) {
  const Graph core =
      decompose(graph, [&](const Op& op) { return tflite::written_whole(graph, op); });
  return tflite::serialize(tflite::Writer(core, weights).run());
}

}  // namespace pliant
