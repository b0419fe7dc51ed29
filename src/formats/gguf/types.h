// Numbers that GGUF gives to metadata values and tensor types.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/tensor.h"
#include "quant/encoding.h"

namespace pliant::gguf {

inline constexpr std::string_view magic = "GGUF";
inline constexpr std::string_view alignment_key = "general.alignment";
inline constexpr std::uint32_t default_alignment = 32;
inline constexpr std::size_t max_axes = 4;

enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};
inline constexpr std::uint32_t value_types = 13;

struct TensorKind {
  std::uint32_t number;
  DType dtype;
  Encoding encoding;
};

const TensorKind* kind_from_number(std::uint32_t number);   // null for a type we do not have
const TensorKind* kind_of(DType dtype, Encoding encoding);  // null for what GGUF has no number for

}  // namespace pliant::gguf
