// Products: matrix multiplications, convolutions, Einsum.
#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "formats/onnx/rules/build.h"
#include "formats/onnx/rules/windows.h"

namespace pliant::onnx {

namespace {
namespace linear {

ValueId matrix_product(Call& c, ValueId a, ValueId b) {
  const std::size_t ra = c.b.shape(a).size(), rb = c.b.shape(b).size();
  if (ra == 0 || rb == 0) c.fail("an operand is a scalar");
  if (ra == 1 && rb == 1) return c.b.einsum("k,k->", {a, b});
  if (ra == 1) return c.b.einsum("k,...kn->...n", {a, b});
  if (rb == 1) return c.b.einsum("...mk,k->...m", {a, b});
  return c.b.einsum("...mk,...kn->...mn", {a, b});
}

Results matmul(Call& c) { return {matrix_product(c, c.in(0), c.in(1))}; }

ValueId scaled(Call& c, ValueId x, double factor) {
  return factor == 1 ? x : c.b.map(argument(0) * constant(factor), {x}, c.b.type(x).dtype);
}

Results gemm(Call& c) {
  const std::string left = c.integer("transA", 0) != 0 ? "km" : "mk",
                    right = c.integer("transB", 0) != 0 ? "nk" : "kn";
  ValueId y =
      scaled(c, c.b.einsum(left + "," + right + "->mn", {c.in(0), c.in(1)}), c.real("alpha", 1));
  const double beta = c.real("beta", 1);
  if (c.has(2) && beta != 0)
    y = c.b.map(argument(0) + argument(1), {y, scaled(c, c.in(2), beta)}, c.b.type(y).dtype);
  return {y};
}

Results einsum(Call& c) {
  std::vector<ValueId> operands;
  for (int i = 0; i < c.operands(); ++i) operands.push_back(c.in(i));
  return {c.b.einsum(c.text("equation", ""), operands)};
}

// x in i32 less its zero point. The zero point is a scalar or lies along `axis`.
ValueId centred(Call& c, int x, int zero, int axis) {
  if (!c.has(zero)) return c.b.cast(c.in(x), DType::i32);
  ValueId point = c.in(zero);
  if (elements(c.shape(zero)) != 1 && c.rank(zero) == 1)
    point = along_axis(c.b, point, axis, c.rank(x));
  return c.b.map(argument(0) - argument(1), {c.in(x), point}, DType::i32);
}

Results matmul_integer(Call& c) {
  const ValueId a = centred(c, 0, 2, std::max(c.rank(0) - 2, 0)),
                b = centred(c, 1, 3, c.rank(1) - 1);
  return {matrix_product(c, a, b)};
}

kind::Convolve convolve_kind(Call& c, const Windows& windows) {
  kind::Convolve kind;
  kind.stride = windows.stride, kind.low = windows.low, kind.high = windows.high,
  kind.dilation = windows.dilation;
  kind.groups = c.integer("group", 1);
  return kind;
}

void check_spatial(Call& c) {
  if (c.node.type != "ConvInteger" && !is_float(c.type(0).dtype))
    throw NotMapped{"a convolution of integers"};
  if (c.rank(0) < 3)
    c.fail("its operand is " + to_string(c.type(0)) + ", [N,C,spatial...] expected");
  if (c.rank(1) != c.rank(0)) c.fail("its weight is " + to_string(c.type(1)));
}

ValueId biased(Call& c, ValueId y, int bias) {
  if (!c.has(bias)) return y;
  const ValueId column = along_axis(c.b, c.in(bias), 1, c.b.shape(y).size());
  return c.b.map(argument(0) + argument(1), {y, column}, c.b.type(y).dtype);
}

Results convolution(Call& c) {
  check_spatial(c);
  const Windows windows = windows_of(c, Shape(c.shape(1).begin() + 2, c.shape(1).end()));
  return {biased(c, c.b.convolve(c.in(0), c.in(1), convolve_kind(c, windows)), 2)};
}

Results convolution_integer(Call& c) {
  check_spatial(c);
  const Windows windows = windows_of(c, Shape(c.shape(1).begin() + 2, c.shape(1).end()));
  // exact: products of 8-bit numbers stay far below the 2^53 that f64 holds
  const ValueId x = c.b.cast(centred(c, 0, 2, 1), DType::f64),
                w = c.b.cast(centred(c, 1, 3, 0), DType::f64);
  return {c.b.cast(c.b.convolve(x, w, convolve_kind(c, windows)), DType::i32)};
}

// What a transposed convolution's padding must be for the output sizes that were asked for.
void pad_for_output(Call& c, Windows& windows, const Integers& wanted, const Integers& extra) {
  const std::size_t spatial = windows.size.size();
  if (wanted.size() < spatial) c.fail("output_shape has too few sizes");
  const bool upper = c.text("auto_pad", "NOTSET") == "SAME_UPPER";
  for (std::size_t i = 0; i < spatial; ++i) {
    const std::int64_t size = wanted[wanted.size() - spatial + i];
    if (size < 1) c.fail(fmt::format("output_shape asks for {}", size));
    std::int64_t full = checked_multiply(windows.stride[i], c.shape(0)[i + 2] - 1, c.place());
    full = checked_add(full, checked_multiply(windows.dilation[i], windows.size[i] - 1, c.place()),
                       c.place());
    full = checked_add(checked_add(full, 1, c.place()), extra[i], c.place());
    const std::int64_t total = std::max<std::int64_t>(full - size, 0);
    windows.low[i] = upper ? total / 2 : total - total / 2;
    windows.high[i] = full - size - windows.low[i];
  }
}

Results transposed_convolution(Call& c) {
  check_spatial(c);
  Windows windows = windows_of(c, Shape(c.shape(1).begin() + 2, c.shape(1).end()), false);
  const std::size_t spatial = windows.size.size();
  const Integers extra = c.integers("output_padding").value_or(Integers(spatial, 0));
  if (extra.size() != spatial) c.fail("output_padding has the wrong length");
  const std::string mode = c.text("auto_pad", "NOTSET");
  if (auto wanted = c.integers("output_shape")) {
    pad_for_output(c, windows, *wanted, extra);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    Integers same;
    for (std::size_t i = 0; i < spatial; ++i)
      same.push_back(checked_multiply(c.shape(0)[i + 2], windows.stride[i], c.place()));
    pad_for_output(c, windows, same, extra);
  }
  // output_padding makes rows at the end that only the kernel's tail (or nothing) reaches
  kind::Pad tail;
  tail.low.assign(spatial + 2, 0), tail.high = tail.interior = tail.low;
  bool padded = false;
  for (std::size_t i = 0; i < spatial; ++i) {
    if (windows.low[i] < 0) c.fail("negative pads");
    windows.high[i] = checked_add(windows.high[i], -extra[i], c.place());
    if (windows.high[i] >= 0) continue;
    tail.high[i + 2] = -windows.high[i], windows.high[i] = 0, padded = true;
  }
  kind::Convolve kind = convolve_kind(c, windows);
  kind.transposed = true;
  ValueId y = c.b.convolve(c.in(0), c.in(1), kind);
  if (padded) y = c.b.pad(y, tail);
  return {biased(c, y, 2)};
}

constexpr RuleEntry rules[] = {
    {"Conv", convolution},
    {"ConvInteger", convolution_integer},
    {"ConvTranspose", transposed_convolution},
    {"Einsum", einsum},
    {"Gemm", gemm},
    {"MatMul", matmul},
    {"MatMulInteger", matmul_integer},
};

}  // namespace linear
}  // namespace

std::span<const RuleEntry> linear_rules() { return linear::rules; }

}  // namespace pliant::onnx
