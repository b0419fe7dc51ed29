// Numbers of LiteRT's schema (tflite/converter/schema/schema.fbs, version 3): what is used of it.
#pragma once

#include <cstdint>

namespace pliant::tflite {

enum class Type : std::int8_t { f32 = 0, i32 = 2, u8 = 3, i64 = 4, boolean = 6, i16 = 7, i8 = 9 };

enum class Code : std::int32_t {
  add = 0,
  average_pool = 1,
  concatenation = 2,
  convolve = 3,
  depthwise = 4,
  floor = 8,
  fully_connected = 9,
  logistic = 14,
  max_pool = 17,
  multiply = 18,
  relu = 19,
  reshape = 22,
  softmax = 25,
  tanh = 28,
  pad = 34,
  gather = 36,
  transpose = 39,
  mean = 40,
  subtract = 41,
  divide = 42,
  strided_slice = 45,
  exp = 47,
  cast = 53,
  maximum = 55,
  arg_max = 56,
  minimum = 57,
  less = 58,
  negate = 59,
  pad_value = 60,
  less_equal = 63,
  slice = 65,
  sin = 66,
  equal = 71,
  not_equal = 72,
  log = 73,
  sum = 74,
  sqrt = 75,
  rsqrt = 76,
  power = 78,
  reduce_product = 81,
  reduce_max = 82,
  logical_or = 84,
  logical_and = 86,
  logical_not = 87,
  reduce_min = 89,
  mirror_pad = 100,
  absolute = 101,
  ceil = 104,
  cos = 108,
  round = 116,
  select = 123,
  batch_matmul = 126,
  broadcast_to = 130,
  gelu = 150,
  sign = 158,
};

// The union of option tables, by its numbers.
enum class OptionsKind : std::uint8_t {
  none = 0,
  convolve = 1,
  depthwise = 2,
  pool = 5,
  fully_connected = 8,
  softmax = 9,
  concatenation = 10,
  add = 11,
  reshape = 17,
  multiply = 21,
  gather = 23,
  reducer = 27,
  subtract = 28,
  divide = 29,
  strided_slice = 32,
  cast = 37,
  arg_max = 40,
  mirror_pad = 77,
  batch_matmul = 101,
  gelu = 116,
};

enum class Padding : std::int8_t { same = 0, valid = 1 };

}  // namespace pliant::tflite
