#include "machine/native/kernels/convert.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace pliant::native {

namespace {

TensorView elements_at(const std::byte* data, DType dtype) {
  return {{dtype, {}}, const_cast<std::byte*>(data)};  // NOLINT: read only
}

template <typename T>
void load_plain(const std::byte* data, std::int64_t stride, std::int64_t n, float* out) {
  const T* x = reinterpret_cast<const T*>(data);
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(x[i * stride]);
}

std::int64_t largest(DType dtype) {
  switch (dtype) {
    case DType::i8: return 127;
    case DType::u8: return 255;
    case DType::i16: return 32767;
    case DType::u16: return 65535;
    case DType::i32: return std::numeric_limits<std::int32_t>::max();
    case DType::u32: return std::numeric_limits<std::uint32_t>::max();
    default: return std::numeric_limits<std::int64_t>::max();
  }
}

std::int64_t smallest(DType dtype) {
  switch (dtype) {
    case DType::i8: return -128;
    case DType::i16: return -32768;
    case DType::i32: return std::numeric_limits<std::int32_t>::min();
    case DType::i64:
    case DType::u64: return std::numeric_limits<std::int64_t>::min();
    default: return 0;
  }
}

}  // namespace

void load_f32(const std::byte* data, DType dtype, std::int64_t stride, std::int64_t n, float* out) {
  switch (dtype) {
    case DType::f32: return load_plain<float>(data, stride, n, out);
    case DType::i8: return load_plain<std::int8_t>(data, stride, n, out);
    case DType::u8: return load_plain<std::uint8_t>(data, stride, n, out);
    case DType::i32: return load_plain<std::int32_t>(data, stride, n, out);
    case DType::i64: return load_plain<std::int64_t>(data, stride, n, out);
    default: break;
  }
  const TensorView view = elements_at(data, dtype);
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(get(view, i * stride));
}

void store_f32(const float* x, std::int64_t stride, std::byte* out, DType dtype, std::int64_t n) {
  if (dtype == DType::f32) {
    float* to = reinterpret_cast<float*>(out);
    for (std::int64_t i = 0; i < n; ++i) to[i] = x[i * stride];
    return;
  }
  const TensorView view = elements_at(out, dtype);
  for (std::int64_t i = 0; i < n; ++i) set(view, i, static_cast<double>(x[i * stride]));
}

std::int64_t load_int(const std::byte* data, DType dtype, std::int64_t index) {
  return get_int(elements_at(data, dtype), index);
}

void store_int(std::byte* data, DType dtype, std::int64_t index, std::int64_t value) {
  const TensorView view = elements_at(data, dtype);
  if (dtype == DType::boolean) return set(view, index, value != 0 ? 1 : 0);
  set_int(view, index, std::clamp(value, smallest(dtype), largest(dtype)));
}

}  // namespace pliant::native
