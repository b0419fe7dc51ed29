// Logical tensor types, views that never own, and owners that copy only by copy().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

enum class DType : std::uint8_t {
  f32,
  f64,
  f16,
  bf16,
  i8,
  u8,
  i16,
  u16,
  i32,
  u32,
  i64,
  u64,
  boolean
};
inline constexpr int dtype_count = 13;

std::int64_t size_of(DType dtype);             // bytes per element
std::string_view name(DType dtype);            // "f32", "bool", ...
DType dtype_from_name(std::string_view name);  // throws Error{format}
bool is_float(DType dtype);

using Shape = std::vector<std::int64_t>;  // sizes, outermost first; {} is a scalar

// throws Error{invalid} on a negative size or overflow
std::int64_t elements(const Shape& shape);
std::vector<std::int64_t> strides(const Shape& shape);  // row-major, in elements
std::string to_string(const Shape& shape);              // "[1,3,224,224]"
Shape shape_from_text(std::string_view text);  // "1x3x224x224" or "1,3,224,224"; "" is a scalar

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
};

std::int64_t bytes(const TensorType& type);     // throws Error{invalid} on overflow
std::string to_string(const TensorType& type);  // "f32[1,3,224,224]"

// Dense, row-major. The data belongs to somebody else and is 64-byte aligned unless stated
// otherwise.
struct TensorView {
  TensorType type;
  std::byte* data = nullptr;

  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
  template <typename T>
  std::span<T> span() const {
    return {as<T>(), static_cast<std::size_t>(elements(type.shape))};
  }
};

// Owns 64-byte aligned, zero-initialised bytes.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(TensorType type);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  Tensor copy() const;

  const TensorType& type() const { return type_; }
  TensorView view() const { return {type_, data_.get()}; }
  std::span<const std::byte> raw() const { return {data_.get(), size_}; }
  template <typename T>
  std::span<T> span() const {
    return view().span<T>();
  }

  // A tensor from literal values, converted to `dtype`.
  static Tensor of(DType dtype, Shape shape, const std::vector<double>& values);

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  TensorType type_;
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

// Element access by value, for any dtype: readers, printers, oracles; not for hot loops.
double get(const TensorView& view, std::int64_t index);
void set(const TensorView& view, std::int64_t index,
         double value);  // rounds to nearest even, saturates integers; NaN -> 0
// exact for the 64-bit integer types
std::int64_t get_int(const TensorView& view, std::int64_t index);
void set_int(const TensorView& view, std::int64_t index, std::int64_t value);

float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);  // round to nearest even
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);  // round to nearest even

}  // namespace pliant
