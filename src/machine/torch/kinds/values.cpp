#include "machine/torch/kinds/values.h"

#include <cstring>
#include <limits>

namespace pliant::aten {
namespace {

template <typename T>
at::Tensor saturated(const at::Tensor& rounded) {
  const auto least = static_cast<double>(std::numeric_limits<T>::min()),
             most = static_cast<double>(std::numeric_limits<T>::max());
  return rounded.clamp(least, most).to(at::kLong);
}

// 2^63 is no i64, nor is anything between it and the f64 below.
at::Tensor saturated_long(const at::Tensor& rounded) {
  constexpr double beyond = 9223372036854775808.0;
  const at::Tensor inside = at::where(rounded.ge(beyond), 0.0, rounded.clamp_min(-beyond));
  return at::where(rounded.ge(beyond), std::numeric_limits<std::int64_t>::max(),
                   inside.to(at::kLong));
}

// The upper half of u64 is what i64 calls negative.
at::Tensor saturated_unsigned_long(const at::Tensor& rounded) {
  constexpr double half = 9223372036854775808.0;
  const at::Tensor low = saturated_long(rounded.clamp_min(0));
  const at::Tensor high = saturated_long(rounded - half);
  const at::Tensor upper = high.add(std::numeric_limits<std::int64_t>::min());
  return at::where(rounded.ge(half), upper, low);
}

at::Tensor saturated(const at::Tensor& rounded, DType dtype) {
  switch (dtype) {
    case DType::i8: return saturated<std::int8_t>(rounded);
    case DType::u8: return saturated<std::uint8_t>(rounded);
    case DType::i16: return saturated<std::int16_t>(rounded);
    case DType::u16: return saturated<std::uint16_t>(rounded);
    case DType::i32: return saturated<std::int32_t>(rounded);
    case DType::u32: return saturated<std::uint32_t>(rounded);
    case DType::u64: return saturated_unsigned_long(rounded);
    default: return saturated_long(rounded);
  }
}

}  // namespace

at::ScalarType held_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return at::kFloat;
    case DType::f64: return at::kDouble;
    case DType::f16: return at::kHalf;
    case DType::bf16: return at::kBFloat16;
    case DType::i8: return at::kChar;
    case DType::u8: return at::kByte;
    case DType::i16:
    case DType::u16: return at::kShort;
    case DType::i32:
    case DType::u32: return at::kInt;
    case DType::i64:
    case DType::u64: return at::kLong;
    case DType::boolean: return at::kBool;
  }
  return at::kFloat;
}

at::Tensor shared(const TensorView& view) {
  return at::from_blob(view.data, view.type.shape,
                       at::TensorOptions().dtype(held_type(view.type.dtype)));
}

at::Tensor copied(const TensorView& view, const at::Device& device) {
  return shared(view).to(device, /*non_blocking=*/false, /*copy=*/true);
}

void write(const at::Tensor& tensor, const TensorView& view) {
  const at::NoGradGuard no_gradients;
  shared(view).copy_(tensor);
}

at::Tensor real(const at::Tensor& held, DType dtype) {
  switch (dtype) {
    case DType::f64: return held;
    case DType::u16: return held.to(at::kInt).bitwise_and(0xffff).to(at::kFloat);
    case DType::u32: return held.to(at::kLong).bitwise_and(std::int64_t{0xffffffff}).to(at::kFloat);
    case DType::u64: {
      const at::Tensor as_signed = held.to(at::kDouble);
      return at::where(held.lt(0), as_signed + 18446744073709551616.0, as_signed).to(at::kFloat);
    }
    default: return held.to(at::kFloat);
  }
}

at::Tensor held(const at::Tensor& real, DType dtype) {
  if (is_float(dtype)) return real.to(held_type(dtype));
  if (dtype == DType::boolean) return real.ne(0);
  const at::Tensor wide = real.detach().to(at::kDouble);
  const at::Tensor rounded = at::where(wide.isnan(), 0.0, wide.round());
  return saturated(rounded, dtype).to(held_type(dtype));
}

}  // namespace pliant::aten
