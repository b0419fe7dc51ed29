// Small pieces that several import rules build with.
#pragma once

#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

ValueId constant_integers(Builder& b, const Integers& values, DType dtype = DType::i64);

// A vector along `axis` of a tensor of rank `rank`: reshaped so that it broadcasts there.
ValueId along_axis(Builder& b, ValueId vector, int axis, int rank);

// Numpy's broadcast of x to `shape`, which must be what broadcasting gives (size-1 axes repeat).
ValueId expand_to(Builder& b, ValueId x, const Shape& shape);

std::vector<int> axis_range(int begin, int end);

// x to `dtype` as ONNX's Cast does it: towards zero, to bool by x != 0.
ValueId onnx_cast(Builder& b, ValueId x, DType dtype);

Expr truth(const Expr& x);                   // 1 if x is not 0
Expr greater(const Expr& a, const Expr& b);  // a > b
Expr unary(Fn fn, const Expr& x);
Expr power(const Expr& x, double exponent);

}  // namespace pliant::onnx
