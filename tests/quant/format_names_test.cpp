#include "quant/format_names.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace pliant {
namespace {

TEST(FormatNames, AreOneForTypesAndEncodings) {
  EXPECT_EQ(format_from_name("f32", "--to"), Encoding::plain);
  EXPECT_EQ(format_from_name("IQ4_XS", "--to"), Encoding::iq4_xs);
  EXPECT_EQ(format_name({{DType::bf16, {2}}, Encoding::plain, {}}), "BF16");
  EXPECT_EQ(format_name({{DType::f32, {32}}, Encoding::q4_1, {}}), "Q4_1");
  for (const char* wrong : {"plain", "Q4_K_M", ""})
    EXPECT_THROW(format_from_name(wrong, "--to"), Error) << wrong;
}

}  // namespace
}  // namespace pliant
