#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "core/error.h"
#include "quant/block_cases.h"

namespace pliant {
namespace {

Stored golden_blocks(Encoding encoding, const std::string& blocks, std::int64_t rows) {
  const auto count = static_cast<std::int64_t>(blocks.size()) / traits(encoding).block_bytes;
  return {{DType::f32, {rows, count * traits(encoding).block_elements / rows}},
          encoding,
          bytes_of(blocks)};
}

TEST(Encoding, KnowsEveryName) {
  for (const Encoding each : block_encodings()) EXPECT_EQ(encoding_from_name(name(each)), each);
}

TEST(Encoding, BytesOfBlocks) {
  EXPECT_EQ(encoded_bytes({DType::f32, {3, 64}}, Encoding::q8_0), 3 * 2 * 34);
  EXPECT_EQ(encoded_bytes({DType::f32, {0, 64}}, Encoding::q8_0), 0);
  EXPECT_EQ(encoded_bytes({DType::f32, {2, 512}}, Encoding::q6_k), 4 * 210);
  for (const TensorType& wrong :
       {TensorType{DType::f32, {3, 65}}, {DType::f16, {3, 64}}, {DType::f32, {}}})
    EXPECT_THROW(encoded_bytes(wrong, Encoding::q4_0), Error) << to_string(wrong);
}

TEST(Decode, AgreesToTheBitWithTheFormatsReference) {
  for (const Encoding each : block_encodings()) {
    const std::string blocks = golden(each, ".blocks"), wanted = golden(each, ".f32");
    const Tensor decoded = decode(golden_blocks(each, blocks, 8));
    ASSERT_EQ(decoded.raw().size(), wanted.size()) << name(each);
    const auto values = decoded.span<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      float reference = 0;
      std::memcpy(&reference, wanted.data() + i * sizeof(float), sizeof(float));
      ASSERT_EQ(std::memcmp(&values[i], &reference, sizeof(float)), 0)
          << name(each) << " element " << i << ": " << values[i] << ", " << reference
          << " expected";
    }
  }
}

TEST(Decode, EveryHalfIsItsValue) {
  Tensor halves({DType::f16, {65536}});
  for (std::uint32_t i = 0; i < 65536; ++i)
    halves.span<std::uint16_t>()[i] = static_cast<std::uint16_t>(i);
  const Tensor decoded = decode({{DType::f32, {65536}}, Encoding::f16, halves.raw()});
  for (std::uint32_t i = 0; i < 65536; ++i)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded.span<float>()[i]),
              std::bit_cast<std::uint32_t>(f16_to_f32(static_cast<std::uint16_t>(i))))
        << i;
}

TEST(Decode, RowsAreThoseOfTheWhole) {
  for (const Encoding each : block_encodings()) {
    const std::string blocks = golden(each, ".blocks");
    const Stored stored = golden_blocks(each, blocks, 4);
    const Tensor whole = decode(stored), part = decode_rows(stored, 1, 2);
    const std::size_t row = whole.raw().size() / 4;
    EXPECT_EQ(part.type().shape[0], 2);
    EXPECT_EQ(std::memcmp(part.raw().data(), whole.raw().data() + row, 2 * row), 0) << name(each);
    EXPECT_EQ(decode_rows(stored, 4, 0).raw().size(), 0u);
    EXPECT_THROW(decode_rows(stored, 3, 2), Error);
    EXPECT_THROW(decode_rows(stored, -1, 1), Error);
  }
}

TEST(Decode, RowsOfPlainWeights) {
  const Tensor plain = Tensor::of(DType::i16, {3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor rows = decode_rows({plain.type(), Encoding::plain, plain.raw()}, 1, 2);
  EXPECT_EQ(get(rows.view(), 0), 3);
  EXPECT_EQ(get(rows.view(), 3), 6);
}

TEST(Decode, AVectorInBlocksHasNoRows) {
  const std::string block(34, '\0');
  EXPECT_THROW(decode_rows({{DType::f32, {32}}, Encoding::q8_0, bytes_of(block)}, 0, 32), Error);
}

std::string refusal(const Stored& stored) {
  try {
    check_finite(stored, "f: w");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CheckFinite, NamesTheBlock) {
  for (const Encoding each : block_encodings()) {
    std::string blocks = golden(each, ".blocks");
    EXPECT_EQ(refusal(golden_blocks(each, blocks, 1)), "accepted") << name(each);
    const auto stride = static_cast<std::size_t>(traits(each).block_bytes);
    const std::size_t scale = each == Encoding::q2_k   ? 80
                              : each == Encoding::q3_k ? 108
                              : each == Encoding::q6_k ? 208
                                                       : 0;
    if (each == Encoding::mxfp4) blocks[3 * stride] = '\xff';
    else std::memcpy(blocks.data() + 3 * stride + scale, "\0\x7c", 2);
    EXPECT_NE(refusal(golden_blocks(each, blocks, 1)).find("block 3"), std::string::npos)
        << name(each);
  }
}

TEST(CheckFinite, NamesTheElement) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType each : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    const Tensor good = Tensor::of(each, {3}, {1, -2, 0}), bad = Tensor::of(each, {3}, {1, nan, 0});
    EXPECT_EQ(refusal({good.type(), Encoding::plain, good.raw()}), "accepted");
    EXPECT_NE(refusal({bad.type(), Encoding::plain, bad.raw()}).find("element 1"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace pliant
