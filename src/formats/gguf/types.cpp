#include "formats/gguf/types.h"

namespace pliant::gguf {
namespace {

constexpr TensorKind kinds[] = {{0, DType::f32, Encoding::plain},
                                {1, DType::f16, Encoding::plain},
                                {2, DType::f32, Encoding::q4_0},
                                {3, DType::f32, Encoding::q4_1},
                                {6, DType::f32, Encoding::q5_0},
                                {7, DType::f32, Encoding::q5_1},
                                {8, DType::f32, Encoding::q8_0},
                                {10, DType::f32, Encoding::q2_k},
                                {11, DType::f32, Encoding::q3_k},
                                {12, DType::f32, Encoding::q4_k},
                                {13, DType::f32, Encoding::q5_k},
                                {14, DType::f32, Encoding::q6_k},
                                {20, DType::f32, Encoding::iq4_nl},
                                {23, DType::f32, Encoding::iq4_xs},
                                {24, DType::i8, Encoding::plain},
                                {25, DType::i16, Encoding::plain},
                                {26, DType::i32, Encoding::plain},
                                {27, DType::i64, Encoding::plain},
                                {28, DType::f64, Encoding::plain},
                                {30, DType::bf16, Encoding::plain},
                                {39, DType::f32, Encoding::mxfp4},
                                // Written with these numbers, read back as the plain types above.
                                {1, DType::f32, Encoding::f16},
                                {30, DType::f32, Encoding::bf16}};

}  // namespace

const TensorKind* kind_from_number(std::uint32_t number) {
  for (const TensorKind& each : kinds)
    if (each.number == number) return &each;
  return nullptr;
}

const TensorKind* kind_of(DType dtype, Encoding encoding) {
  for (const TensorKind& each : kinds)
    if (each.dtype == dtype && each.encoding == encoding) return &each;
  return nullptr;
}

}  // namespace pliant::gguf
