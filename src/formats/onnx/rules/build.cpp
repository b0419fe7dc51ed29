#include "formats/onnx/rules/build.h"

#include <algorithm>
#include <numeric>

namespace pliant::onnx {

ValueId constant_integers(Builder& b, const Integers& values, DType dtype) {
  Tensor tensor({dtype, {std::ssize(values)}});
  for (std::size_t i = 0; i < values.size(); ++i) set_int(tensor.view(), i, values[i]);
  return b.constant(std::move(tensor));
}

ValueId along_axis(Builder& b, ValueId vector, int axis, int rank) {
  if (axis == rank - 1) return vector;
  Shape shape(rank - axis, 1);
  shape[0] = elements(b.shape(vector));
  return b.reshape(vector, shape);
}

ValueId expand_to(Builder& b, ValueId x, const Shape& shape) {
  Shape from = b.shape(x);
  if (from == shape) return x;
  if (from.size() < shape.size()) {
    from.insert(from.begin(), shape.size() - from.size(), 1);
    x = b.reshape(x, from);
  }
  if (from == shape) return x;
  kind::Pad pad;
  pad.mode = kind::PadMode::edge;
  pad.low.assign(shape.size(), 0), pad.interior = pad.high = pad.low;
  for (std::size_t i = 0; i < shape.size(); ++i) pad.high[i] = shape[i] - from[i];
  return b.pad(x, pad);
}

std::vector<int> axis_range(int begin, int end) {
  std::vector<int> axes(std::max(end - begin, 0));
  std::iota(axes.begin(), axes.end(), begin);
  return axes;
}

Expr truth(const Expr& x) { return apply(Fn::not_, {apply(Fn::equal, {x, constant(0)})}); }
Expr greater(const Expr& a, const Expr& b) { return apply(Fn::less, {b, a}); }
Expr unary(Fn fn, const Expr& x) { return apply(fn, {x}); }
Expr power(const Expr& x, double exponent) { return apply(Fn::power, {x, constant(exponent)}); }

ValueId onnx_cast(Builder& b, ValueId x, DType dtype) {
  const DType from = b.type(x).dtype;
  if (from == dtype) return x;
  if (dtype == DType::boolean) return b.map(truth(argument(0)), {x}, dtype);
  if (is_float(from) && !is_float(dtype))
    return b.map(unary(Fn::truncate, argument(0)), {x}, dtype);
  return b.cast(x, dtype);
}

}  // namespace pliant::onnx
