// The thin doors: one per kind.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "graph/builder.h"
#include "graph/kinds/notation.h"

namespace pliant {
namespace {

void default_to(kind::Sizes& sizes, std::size_t count, std::int64_t value) {
  if (sizes.empty()) sizes.assign(count, value);
}

std::string letters(std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += static_cast<char>('a' + i);
  return result;
}

Shape resolve(const Shape& from, Shape to, const std::string& place) {
  auto unknown = std::find(to.begin(), to.end(), -1);
  if (unknown == to.end()) return to;
  *unknown = 1;
  std::int64_t rest = 1;
  for (std::int64_t size : to)
    if (__builtin_mul_overflow(rest, size, &rest)) rest = 0;
  if (rest <= 0 || elements(from) % rest)
    throw Error(
        ErrorKind::invalid, place,
        fmt::format(
            "reshape: the -1 in a shape for {} cannot be found: the others have {} elements",
            to_string(from), rest));
  *unknown = elements(from) / rest;
  return to;
}

}  // namespace

int Builder::axis(ValueId x, int axis, std::string_view what) const {
  int rank = static_cast<int>(shape(x).size());
  if (axis < -rank || axis >= rank)
    throw Error(ErrorKind::invalid, scoped(what),
                fmt::format("axis {} of {}", axis, to_string(type(x))));
  return axis < 0 ? axis + rank : axis;
}

ValueId Builder::einsum(std::string_view notation, std::vector<ValueId> operands,
                        std::string name) {
  std::string place = scoped(name.empty() ? std::string_view("einsum") : std::string_view(name));
  std::vector<Shape> shapes;
  for (ValueId id : operands) shapes.push_back(shape(id));
  EinsumPlan plan = expand_notation(parse_notation(notation, place), shapes, place);
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (plan.operands[i] != shapes[i]) operands[i] = reshape(operands[i], plan.operands[i]);
  return add(std::move(plan.einsum), std::move(operands), std::move(name))[0];
}

ValueId Builder::map(const Expr& expr, std::vector<ValueId> operands, std::optional<DType> dtype,
                     std::string name) {
  if (operands.empty())
    throw Error(ErrorKind::invalid, scoped("map"), "no operands", "use constant()");
  DType result = dtype.value_or(type(operands[0]).dtype);
  return add(kind::Map{expr, result}, std::move(operands), std::move(name))[0];
}

ValueId Builder::reduce(kind::ReduceFn fn, ValueId x, std::vector<int> axes, bool keep,
                        std::string name) {
  for (int& each : axes) each = axis(x, each, "reduce");
  std::sort(axes.begin(), axes.end());
  return add(kind::Reduce{fn, std::move(axes), keep}, {x}, std::move(name))[0];
}

ValueId Builder::gather(ValueId x, ValueId index, int along, int batch_axes, std::string name) {
  return add(kind::Gather{axis(x, along, "gather"), batch_axes}, {x, index}, std::move(name))[0];
}

ValueId Builder::reshape(ValueId x, Shape to, std::string name) {
  to = resolve(shape(x), std::move(to), scoped(name.empty() ? "reshape" : name));
  return add(kind::Reshape{std::move(to)}, {x}, std::move(name))[0];
}

ValueId Builder::slice(ValueId x, kind::Slice slice, std::string name) {
  default_to(slice.start, shape(x).size(), 0);
  default_to(slice.step, shape(x).size(), 1);
  if (slice.size.empty()) slice.size = shape(x);
  return add(std::move(slice), {x}, std::move(name))[0];
}

ValueId Builder::slice(ValueId x, int along, std::int64_t start, std::int64_t size,
                       std::string name) {
  auto at = static_cast<std::size_t>(axis(x, along, "slice"));
  kind::Slice slice{kind::Sizes(shape(x).size(), 0), shape(x), kind::Sizes(shape(x).size(), 1)};
  slice.start[at] = start;
  slice.size[at] = size;
  return add(std::move(slice), {x}, std::move(name))[0];
}

ValueId Builder::concat(std::vector<ValueId> parts, int along, std::string name) {
  if (parts.empty()) throw Error(ErrorKind::invalid, scoped("concat"), "no operands");
  int at = axis(parts[0], along, "concat");
  return add(kind::Concat{at}, std::move(parts), std::move(name))[0];
}

ValueId Builder::pad(ValueId x, kind::Pad pad, std::string name) {
  default_to(pad.low, shape(x).size(), 0);
  default_to(pad.high, shape(x).size(), 0);
  default_to(pad.interior, shape(x).size(), 0);
  return add(std::move(pad), {x}, std::move(name))[0];
}

ValueId Builder::window(ValueId x, kind::Window window, std::string name) {
  for (int& each : window.axes) each = axis(x, each, "window");
  default_to(window.stride, window.axes.size(), 1);
  default_to(window.dilation, window.axes.size(), 1);
  return add(std::move(window), {x}, std::move(name))[0];
}

ValueId Builder::transpose(ValueId x, const std::vector<int>& permutation, std::string name) {
  std::string in = letters(shape(x).size()), out;
  for (int each : permutation) out += in[axis(x, each, "transpose")];
  if (out.size() != in.size())
    throw Error(ErrorKind::invalid, scoped("transpose"),
                fmt::format("a permutation of {} axes for {}", out.size(), to_string(type(x))));
  return add(kind::Einsum{{in}, out}, {x}, name.empty() ? "transpose" : std::move(name))[0];
}

ValueId Builder::cast(ValueId x, DType dtype, std::string name) {
  return add(kind::Map{argument(0), dtype}, {x}, name.empty() ? "cast" : std::move(name))[0];
}

ValueId Builder::softmax(ValueId x, int along, std::string name) {
  return add(kind::Softmax{axis(x, along, "softmax")}, {x}, std::move(name))[0];
}

ValueId Builder::normalize(ValueId x, std::vector<int> axes, double eps, bool centre,
                           std::string name) {
  for (int& each : axes) each = axis(x, each, "normalize");
  std::sort(axes.begin(), axes.end());
  return add(kind::Normalize{std::move(axes), eps, centre}, {x}, std::move(name))[0];
}

ValueId Builder::rotary(ValueId x, ValueId pos, kind::Rotary rotary, std::string name) {
  return add(rotary, {x, pos}, std::move(name))[0];
}

ValueId Builder::rotary(ValueId x, ValueId pos, ValueId factors, kind::Rotary rotary,
                        std::string name) {
  return add(rotary, {x, pos, factors}, std::move(name))[0];
}

ValueId Builder::attention(kind::Attention attention, std::vector<ValueId> operands,
                           std::string name) {
  return add(attention, std::move(operands), std::move(name))[0];
}

ValueId Builder::convolve(ValueId x, ValueId weight, kind::Convolve convolve, std::string name) {
  std::size_t spatial = std::max<std::size_t>(shape(x).size(), 2) - 2;
  default_to(convolve.stride, spatial, 1);
  default_to(convolve.low, spatial, 0);
  default_to(convolve.high, spatial, 0);
  default_to(convolve.dilation, spatial, 1);
  return add(std::move(convolve), {x, weight}, std::move(name))[0];
}

ValueId Builder::pool(ValueId x, kind::Pool pool, std::string name) {
  std::size_t spatial = std::max<std::size_t>(shape(x).size(), 2) - 2;
  default_to(pool.stride, spatial, 1);
  default_to(pool.low, spatial, 0);
  default_to(pool.high, spatial, 0);
  default_to(pool.dilation, spatial, 1);
  return add(std::move(pool), {x}, std::move(name))[0];
}

}  // namespace pliant
