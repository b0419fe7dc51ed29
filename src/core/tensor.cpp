#include "core/tensor.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "core/checked.h"
#include "core/error.h"
#include "core/ids.h"

namespace pliant {
namespace {

struct DTypeInfo {
  std::string_view name;
  std::int64_t size;
};

constexpr ByEnum<DType, DTypeInfo, dtype_count> dtype_table{{{{"f32", 4},
                                                              {"f64", 8},
                                                              {"f16", 2},
                                                              {"bf16", 2},
                                                              {"i8", 1},
                                                              {"u8", 1},
                                                              {"i16", 2},
                                                              {"u16", 2},
                                                              {"i32", 4},
                                                              {"u32", 4},
                                                              {"i64", 8},
                                                              {"u64", 8},
                                                              {"bool", 1}}}};

template <typename T>
T load(const TensorView& view, std::int64_t index) {
  T value;
  std::memcpy(&value, view.data + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(const TensorView& view, std::int64_t index, T value) {
  std::memcpy(view.data + index * sizeof(T), &value, sizeof(T));
}

template <typename T>
T saturate(double value) {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

}  // namespace

std::int64_t size_of(DType dtype) { return dtype_table[dtype].size; }
std::string_view name(DType dtype) { return dtype_table[dtype].name; }

DType dtype_from_name(std::string_view name) {
  if (const auto found = dtype_table.find([&](const DTypeInfo& each) { return each.name == name; }))
    return *found;
  throw Error(ErrorKind::format, "element type", "unknown type '" + std::string(name) + "'");
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
}

std::int64_t elements(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0)
      throw Error(ErrorKind::invalid, "shape " + to_string(shape), "a size is negative");
    if (size == 0) empty = true;
    else count = checked_multiply(count, size, "shape");
  }
  return empty ? 0 : count;
}

std::vector<std::int64_t> strides(const Shape& shape) {
  std::vector<std::int64_t> result(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    result[axis] = stride;
    stride *= shape[axis];
  }
  return result;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

Shape shape_from_text(std::string_view text) {
  Shape shape;
  if (text.empty()) return shape;
  std::int64_t value = 0;
  bool digits = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = checked_add(checked_multiply(value, 10, "shape"), c - '0', "shape");
      digits = true;
    } else if ((c == 'x' || c == ',') && digits) {
      shape.push_back(value);
      value = 0;
      digits = false;
    } else {
      digits = false;
      break;
    }
  }
  if (!digits)
    throw Error(ErrorKind::usage, "shape", "cannot read '" + std::string(text) + "'",
                "write it as 1x3x224x224");
  shape.push_back(value);
  return shape;
}

std::int64_t bytes(const TensorType& type) {
  return checked_multiply(elements(type.shape), size_of(type.dtype), "tensor size");
}

std::string to_string(const TensorType& type) {
  return std::string(name(type.dtype)) + to_string(type.shape);
}

void Tensor::Free::operator()(std::byte* p) const { std::free(p); }

Tensor::Tensor(TensorType type) : type_(std::move(type)), size_(bytes(type_)) {
  if (size_ > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()) - 64)
    throw Error(ErrorKind::capacity, to_string(type_), "tensor is too large");
  // never empty, so that a view has a valid address
  const std::size_t rounded = (size_ + 63) / 64 * 64 + 64;
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(64, rounded)));
  if (!data_)
    throw Error(ErrorKind::capacity, to_string(type_),
                "cannot allocate " + std::to_string(size_) + " bytes");
  std::memset(data_.get(), 0, rounded);
}

Tensor Tensor::copy() const {
  Tensor result(type_);
  if (size_ > 0) std::memcpy(result.data_.get(), data_.get(), size_);
  return result;
}

Tensor Tensor::of(DType dtype, Shape shape, const std::vector<double>& values) {
  Tensor result(TensorType{dtype, std::move(shape)});
  if (std::ssize(values) != elements(result.type_.shape))
    throw Error(ErrorKind::invalid, to_string(result.type_),
                std::to_string(values.size()) + " values given");
  for (std::size_t i = 0; i < values.size(); ++i) set(result.view(), i, values[i]);
  return result;
}

double get(const TensorView& view, std::int64_t index) {
  switch (view.type.dtype) {
    case DType::f32: return load<float>(view, index);
    case DType::f64: return load<double>(view, index);
    case DType::f16: return f16_to_f32(load<std::uint16_t>(view, index));
    case DType::bf16: return bf16_to_f32(load<std::uint16_t>(view, index));
    case DType::u64: return load<std::uint64_t>(view, index);
    default: return get_int(view, index);
  }
}

void set(const TensorView& view, std::int64_t index, double value) {
  switch (view.type.dtype) {
    case DType::f32: return store(view, index, static_cast<float>(value));
    case DType::f64: return store(view, index, value);
    case DType::f16: return store(view, index, f32_to_f16(static_cast<float>(value)));
    case DType::bf16: return store(view, index, f32_to_bf16(static_cast<float>(value)));
    case DType::i8: return store(view, index, saturate<std::int8_t>(value));
    case DType::u8: return store(view, index, saturate<std::uint8_t>(value));
    case DType::i16: return store(view, index, saturate<std::int16_t>(value));
    case DType::u16: return store(view, index, saturate<std::uint16_t>(value));
    case DType::i32: return store(view, index, saturate<std::int32_t>(value));
    case DType::u32: return store(view, index, saturate<std::uint32_t>(value));
    case DType::i64: return store(view, index, saturate<std::int64_t>(value));
    case DType::u64: return store(view, index, saturate<std::uint64_t>(value));
    case DType::boolean: return store(view, index, static_cast<std::uint8_t>(value != 0));
  }
}

std::int64_t get_int(const TensorView& view, std::int64_t index) {
  switch (view.type.dtype) {
    case DType::i8: return load<std::int8_t>(view, index);
    case DType::u8: return load<std::uint8_t>(view, index);
    case DType::i16: return load<std::int16_t>(view, index);
    case DType::u16: return load<std::uint16_t>(view, index);
    case DType::i32: return load<std::int32_t>(view, index);
    case DType::u32: return load<std::uint32_t>(view, index);
    case DType::i64:
    case DType::u64: return load<std::int64_t>(view, index);
    case DType::boolean: return load<std::uint8_t>(view, index) != 0;
    default: return saturate<std::int64_t>(get(view, index));
  }
}

void set_int(const TensorView& view, std::int64_t index, std::int64_t value) {
  if (view.type.dtype == DType::i64 || view.type.dtype == DType::u64) store(view, index, value);
  else set(view, index, static_cast<double>(value));
}

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31U;
  const std::uint32_t mantissa = bits & 1023U;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255U : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);
  if (magnitude < 0x38800000U) {  // subnormal half: let the FPU round at 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 16777216.0F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t f32_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace pliant
