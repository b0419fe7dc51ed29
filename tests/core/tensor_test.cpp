#include "core/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace pliant {
namespace {

TEST(Shape, CountsElementsAndRefusesOverflow) {
  EXPECT_EQ(elements({}), 1);
  EXPECT_EQ(elements({2, 3, 4}), 24);
  EXPECT_EQ(elements({5, 0, 8}), 0);
  EXPECT_THROW(elements({std::int64_t{1} << 62, 8}), Error);
  EXPECT_THROW(elements({-1}), Error);
}

TEST(Shape, ReadsBothNotations) {
  EXPECT_EQ(shape_from_text("1x3x224x224"), (Shape{1, 3, 224, 224}));
  EXPECT_EQ(shape_from_text("5,6"), (Shape{5, 6}));
  EXPECT_EQ(shape_from_text(""), Shape{});
  for (const char* bad : {"x", "1x", "1xx2", "a", "-1", "99999999999999999999"})
    EXPECT_THROW(shape_from_text(bad), Error) << bad;
}

TEST(DType, NamesRoundTrip) {
  for (int i = 0; i < dtype_count; ++i)
    EXPECT_EQ(dtype_from_name(name(static_cast<DType>(i))), static_cast<DType>(i));
  EXPECT_THROW(dtype_from_name("f31"), Error);
}

TEST(Half, EveryFiniteValueRoundTrips) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      EXPECT_EQ(f32_to_f16(value), half);
    }
    const float brain = bf16_to_f32(half);
    if (!std::isnan(brain)) {
      EXPECT_EQ(f32_to_bf16(brain), half);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), f32_to_f16(1.0F));
  EXPECT_EQ(f32_to_f16(1.0F + 0x3p-11F), f32_to_f16(1.0F + 0x2p-10F));
  EXPECT_EQ(f32_to_f16(65519.0F), f32_to_f16(65504.0F));
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00);
}

TEST(Tensor, IsAlignedZeroedAndCopiesOnlyByName) {
  const Tensor a(TensorType{DType::f32, {3, 5}});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.view().data) % 64, 0U);
  for (const float value : a.span<float>()) EXPECT_EQ(value, 0.0F);
  a.span<float>()[4] = 7;
  EXPECT_EQ(a.copy().span<float>()[4], 7.0F);
}

TEST(Tensor, SetSaturatesAndRounds) {
  const Tensor bytes(TensorType{DType::i8, {4}});
  set(bytes.view(), 0, 300);
  set(bytes.view(), 1, -300);
  set(bytes.view(), 2, 2.5);
  set(bytes.view(), 3, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(get(bytes.view(), 0), 127);
  EXPECT_EQ(get(bytes.view(), 1), -128);
  EXPECT_EQ(get(bytes.view(), 2), 2);
  EXPECT_EQ(get(bytes.view(), 3), 0);
}

TEST(Tensor, IntegersAreExactAt64Bits) {
  const Tensor wide(TensorType{DType::i64, {1}});
  set_int(wide.view(), 0, (std::int64_t{1} << 62) + 1);
  EXPECT_EQ(get_int(wide.view(), 0), (std::int64_t{1} << 62) + 1);
}

}  // namespace
}  // namespace pliant
