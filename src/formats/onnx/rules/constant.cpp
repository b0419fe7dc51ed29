// Operators whose results are known when the model is imported.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace constants {

Tensor of_integers(const Integers& values, const Shape& shape) {
  Tensor tensor({DType::i64, shape});
  for (std::size_t i = 0; i < values.size(); ++i) set_int(tensor.view(), i, values[i]);
  return tensor;
}

Results constant_node(Call& c) {
  const auto count = [](const auto& values) { return std::ssize(values); };
  if (const NodeAttribute* a = c.attribute("value"); a && a->tensor) return {a->tensor};
  if (c.attribute("value_int")) return {of_integers({c.integer("value_int", 0)}, {})};
  if (auto values = c.integers("value_ints")) return {of_integers(*values, {count(*values)})};
  if (c.attribute("value_float")) return {Tensor::of(DType::f32, {}, {c.real("value_float", 0)})};
  if (const NodeAttribute* a = c.attribute("value_floats"))
    return {Tensor::of(DType::f32, {count(a->reals)}, a->reals)};
  throw NotMapped{"its value is no tensor of numbers"};
}

Results constant_of_shape(Call& c) {
  const Shape shape = c.known_integers(0, "the shape");
  const NodeAttribute* given = c.attribute("value");
  if (given && (!given->tensor || elements(given->tensor->type().shape) != 1))
    c.fail("its value is no single number");
  const TensorType type{given ? given->tensor->type().dtype : DType::f32, shape};
  c.check_size(type);
  Tensor tensor(type);
  if (!given) return {std::move(tensor)};
  const auto element = given->tensor->raw();
  const auto size = std::ssize(element);
  std::byte* to = tensor.view().data;
  for (std::int64_t i = 0; i < elements(shape); ++i, to += size)
    std::copy(element.begin(), element.end(), to);
  return {std::move(tensor)};
}

Results shape(Call& c) {
  const std::int64_t rank = c.rank(0);
  const auto bound = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t value = c.integer(name, otherwise);
    return std::clamp<std::int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  const std::int64_t start = bound("start", 0), end = std::max(bound("end", rank), start);
  const Shape& x = c.shape(0);
  return {of_integers(Integers(x.begin() + start, x.begin() + end), {end - start})};
}

Results size(Call& c) { return {of_integers({elements(c.shape(0))}, {})}; }

Results range(Call& c) {
  const double start = c.known_real(0, "the start"), limit = c.known_real(1, "the end");
  const double step = c.known_real(2, "the step");
  if (step == 0 || !std::isfinite(start) || !std::isfinite(limit) || !std::isfinite(step))
    c.fail(fmt::format("step {}", step));
  const double steps = std::max(std::ceil((limit - start) / step), 0.0);
  if (steps > 1e12) c.fail(fmt::format("makes {} numbers", steps));
  const TensorType type{c.type(0).dtype, {static_cast<std::int64_t>(steps)}};
  c.check_size(type);
  Tensor tensor(type);
  for (std::int64_t i = 0; i < type.shape[0]; ++i) set(tensor.view(), i, start + i * step);
  return {std::move(tensor)};
}

Results eye_like(Call& c) {
  if (c.rank(0) != 2) c.fail("its operand is " + to_string(c.type(0)));
  const std::int64_t shift = c.integer("k", 0), rows = c.shape(0)[0], columns = c.shape(0)[1];
  const TensorType type{c.dtype("dtype", c.type(0).dtype), c.shape(0)};
  c.check_size(type);
  Tensor tensor(type);
  const std::int64_t far = std::clamp(shift, -rows - columns, rows + columns);
  for (std::int64_t i = 0; i < rows; ++i)
    if (i + far >= 0 && i + far < columns) set(tensor.view(), i * columns + i + far, 1);
  return {std::move(tensor)};
}

enum class Taper { hann, hamming, blackman };

template <Taper taper>
Results window(Call& c) {
  const std::int64_t count = c.known_integer(0, "the size");
  const TensorType type{c.dtype("output_datatype", DType::f32), {count}};
  c.check_size(type);
  Tensor tensor(type);
  const double period = c.integer("periodic", 1) != 0 ? count : count - 1,
               turn = 2 * std::acos(-1.0);
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = turn * i / period;
    const double hamming = 25.0 / 46 - 21.0 / 46 * std::cos(t), hann = 0.5 - 0.5 * std::cos(t);
    const double blackman = 0.42 - 0.5 * std::cos(t) + 0.08 * std::cos(2 * t);
    set(tensor.view(), i,
        taper == Taper::hann      ? hann
        : taper == Taper::hamming ? hamming
                                  : blackman);
  }
  return {std::move(tensor)};
}

constexpr RuleEntry rules[] = {
    {"BlackmanWindow", window<Taper::blackman>},
    {"Constant", constant_node},
    {"ConstantOfShape", constant_of_shape},
    {"EyeLike", eye_like},
    {"HammingWindow", window<Taper::hamming>},
    {"HannWindow", window<Taper::hann>},
    {"Range", range},
    {"Shape", shape},
    {"Size", size},
};

}  // namespace constants
}  // namespace

std::span<const RuleEntry> constant_rules() { return constants::rules; }

}  // namespace pliant::onnx
