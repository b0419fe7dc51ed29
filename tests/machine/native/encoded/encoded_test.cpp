// Kernels on encoded weights: every instruction set gives the bits of the scalar one, and that is
// right.
#include "machine/native/encoded/encoded.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "core/rng.h"
#include "quant/codec.h"

namespace pliant::native {
namespace {

std::vector<const EncodedKernels*> all_kernels() {
  std::vector<const EncodedKernels*> result;
  for (const EncodedKernels* each :
       {scalar_encoded_kernels(), avx2_encoded_kernels(), vnni_encoded_kernels(),
        wide_vnni_encoded_kernels(), neon_encoded_kernels(), i8mm_encoded_kernels()})
    if (each != nullptr) result.push_back(each);
  return result;
}

std::vector<Encoding> all_encodings() {
  std::vector<Encoding> result;
  for (int i = 1; i < encoding_count; ++i) result.push_back(static_cast<Encoding>(i));
  return result;
}

std::vector<float> normal(std::int64_t count, std::uint64_t seed, double deviation = 1) {
  Tensor values({DType::f32, {count}});
  Rng rng(seed);
  fill_normal(values.view(), rng, deviation);
  const auto all = values.span<float>();
  return {all.begin(), all.end()};
}

std::vector<std::byte> encoded(Encoding encoding, const std::vector<float>& values) {
  const EncodingTraits& block = traits(encoding);
  std::vector<std::byte> result(values.size() / block.block_elements * block.block_bytes);
  EXPECT_FALSE(encode_blocks(encoding, values.data(), std::ssize(values), result.data()));
  return result;
}

TEST(Encoded, DecodesAsTheCodecToTheBit) {
  for (const Encoding encoding : all_encodings())
    for (const double deviation : {1.0, 1e-6, 1000.0}) {
      const std::vector<std::byte> blocks = encoded(encoding, normal(1536, 3, deviation));
      std::vector<float> wanted(1536), found(1536);
      decode_blocks(encoding, blocks.data(), 1536, wanted.data());
      for (const EncodedKernels* kernels : all_kernels()) {
        kernels->decode(encoding, blocks.data(), 1536, found.data());
        EXPECT_EQ(found, wanted) << name(encoding) << ", deviation " << deviation;
      }
    }
}

struct Rounded {
  std::vector<std::byte> memory;
  RoundedRows rows;

  Rounded(const EncodedKernels& kernels, Encoding encoding, const std::vector<float>& x,
          std::int64_t count, bool tall = false)
      : memory(RoundedRows::bytes(count, std::ssize(x) / count)),
        rows(RoundedRows::at(memory.data(), count, std::ssize(x) / count)) {
    for (std::int64_t r = 0; r < count; ++r)
      (tall ? kernels.round_tall : kernels.round)(encoding, x.data() + r * rows.k, r, rows);
  }
  double value(std::int64_t i) const {
    return static_cast<double>(rows.scales[i / rounded_block]) * rows.codes[i];
  }
};

TEST(Encoded, RoundsToTheNearestOf255Steps) {
  std::vector<float> x = normal(256, 5);
  std::fill_n(x.begin() + 32, 32, 0.0F);    // nothing
  std::fill_n(x.begin() + 64, 32, 1e-35F);  // next to nothing
  std::fill_n(x.begin() + 96, 32, -3e38F);  // nearly too large
  std::fill_n(x.begin() + 128, 32, 0.25F);  // all the same
  x[160] = 1000;                            // one stands out
  for (const EncodedKernels* kernels : all_kernels()) {
    const Rounded rounded(*kernels, Encoding::q8_0, x, 1);
    for (std::int64_t i = 0; i < 256; ++i) {
      const auto block = x.begin() + i / 32 * 32;
      const double largest = std::abs(*std::max_element(
          block, block + 32, [](float a, float b) { return std::abs(a) < std::abs(b); }));
      EXPECT_LE(std::abs(rounded.value(i) - x[i]), std::max(largest / 253.9, 1e-30)) << i;
    }
  }
}

TEST(Encoded, WhatIsNotFiniteStaysSo) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")})
    for (const Encoding encoding : {Encoding::q4_0, Encoding::q4_k}) {
      std::vector<float> x = normal(512, 5);
      x[300] = bad;
      const std::vector<std::byte> w = encoded(encoding, normal(256, 6));
      for (const EncodedKernels* kernels : all_kernels()) {
        const Rounded rounded(*kernels, encoding, x, 2);
        float out[2];
        kernels->dots(encoding, w.data(), 1, rounded.rows, 2, out, 1);
        EXPECT_TRUE(std::isfinite(out[0])) << name(encoding);
        EXPECT_TRUE(std::isnan(out[1])) << name(encoding);
        const Rounded tall(*kernels, encoding, x, 2, true);
        kernels->tall(encoding, w.data(), 1, tall.rows, 2, out, 1);
        EXPECT_TRUE(std::isfinite(out[0])) << name(encoding);
        EXPECT_TRUE(std::isnan(out[1])) << name(encoding);
      }
    }
}

// Rows 1 to 9 take every way through the kernel.
TEST(Encoded, DotsAreThoseOfTheRoundedValues) {
  constexpr std::int64_t rows = 9, count = 5;
  for (const Encoding encoding : all_encodings()) {
    if (is_half(encoding)) continue;
    for (const std::int64_t k : {256, 768}) {
      const std::vector<float> x = normal(rows * k, 7);
      const std::vector<std::byte> blocks = encoded(encoding, normal(count * k, 8));
      std::vector<float> w(count * k), first;
      decode_blocks(encoding, blocks.data(), count * k, w.data());
      for (const EncodedKernels* kernels : all_kernels()) {
        const Rounded rounded(*kernels, encoding, x, rows);
        std::vector<float> out(rows * 8, -1);
        kernels->dots(encoding, blocks.data(), count, rounded.rows, rows, out.data(), 8);
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t j = 0; j < 8; ++j) {
            if (j >= count) {
              EXPECT_EQ(out[r * 8 + j], -1);
              continue;
            }
            double sum = 0, size = 0;
            for (std::int64_t i = 0; i < k; ++i) {
              const double product = rounded.value(r * k + i) * w[j * k + i];
              sum += product;
              size += std::abs(product);
            }
            EXPECT_NEAR(out[r * 8 + j], sum, 1e-5 * size)
                << name(encoding) << ", " << r << ", " << j;
          }
        if (first.empty()) first = out;
        EXPECT_EQ(out, first) << name(encoding);
        for (std::int64_t r = 0; r < rows; ++r) {  // a row's result knows no neighbours
          const std::vector<float> alone(x.begin() + r * k, x.begin() + (r + 1) * k);
          const Rounded one(*kernels, encoding, alone, 1);
          float result = 0;
          kernels->dots(encoding, blocks.data(), 1, one.rows, 1, &result, 1);
          EXPECT_EQ(result, out[r * 8]);
        }
      }
    }
  }
}

// The encodings of a cache; rows of halves and floats need not be whole blocks.
TEST(Encoded, WeighedRowsAreSummedInOrder) {
  constexpr std::int64_t results = 7, count = 9;
  const std::vector<float> weights = normal(results * count, 9), keep = normal(results, 10);
  for (const Encoding encoding :
       {Encoding::plain, Encoding::f16, Encoding::bf16, Encoding::q8_0, Encoding::q4_0})
    for (const std::int64_t n : {64, 45}) {
      const bool blocks = encoding != Encoding::plain && !is_half(encoding);
      if (blocks && n % 32 != 0) continue;
      std::vector<float> rows = normal(count * n, 8);
      std::vector<std::byte> bytes(rows.size() * sizeof(float));
      std::memcpy(bytes.data(), rows.data(), bytes.size());
      if (encoding != Encoding::plain) {
        bytes = encoded(encoding, rows);
        decode_blocks(encoding, bytes.data(), count * n, rows.data());
      }
      const std::vector<float> before = normal(results * n, 11);
      for (const EncodedKernels* kernels : all_kernels()) {
        std::vector<float> out = before;
        kernels->weigh(encoding, {.rows = bytes.data(),
                                  .row_bytes = std::ssize(bytes) / count,
                                  .count = count,
                                  .n = n,
                                  .weights = weights.data(),
                                  .keep = keep.data(),
                                  .weight_row = count,
                                  .results = results,
                                  .out = out.data(),
                                  .out_row = n});
        for (std::int64_t r = 0; r < results; ++r)
          for (std::int64_t j = 0; j < n; ++j) {
            float sum = keep[r] * before[r * n + j];
            for (std::int64_t i = 0; i < count; ++i)
              sum = std::fma(weights[r * count + i], rows[i * n + j], sum);
            ASSERT_EQ(out[r * n + j], sum) << name(encoding) << ", " << r << ", " << j;
          }
      }
    }
}

struct TallCase {
  std::int64_t rows, count, k;
};

// Products of many rows: parts of tiles, panels and depths, and rows that know no neighbours.
void expect_tall_dots(Encoding encoding, const TallCase& size) {
  const auto [rows, count, k] = size;
  const std::int64_t out_row = count + 3;
  const std::vector<float> x = normal(rows * k, 7);
  const std::vector<std::byte> blocks = encoded(encoding, normal(count * k, 8));
  std::vector<float> w(count * k), first;
  decode_blocks(encoding, blocks.data(), count * k, w.data());
  for (const EncodedKernels* kernels : all_kernels()) {
    SCOPED_TRACE(std::string(name(*kernels)) + " " + std::string(name(encoding)));
    const Rounded rounded(*kernels, encoding, x, rows, true);
    std::vector<float> out(rows * out_row, -1);
    kernels->tall(encoding, blocks.data(), count, rounded.rows, rows, out.data(), out_row);
    if (first.empty()) first = out;
    EXPECT_EQ(out, first);
    for (std::int64_t r = 0; r < rows; ++r)
      EXPECT_EQ(std::count(out.begin() + r * out_row + count, out.begin() + (r + 1) * out_row, -1),
                3);
    const Rounded last(*kernels, encoding, {x.end() - k, x.end()}, 1, true);
    std::vector<float> alone(count);
    kernels->tall(encoding, blocks.data(), count, last.rows, 1, alone.data(), count);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), out.end() - out_row));
  }
  const Rounded rounded(*scalar_encoded_kernels(), encoding, x, rows, true);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < count; ++j) {
      double sum = 0, total = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        const double product = rounded.value(r * k + i) * w[j * k + i];
        sum += product;
        total += std::abs(product);
      }
      EXPECT_NEAR(first[r * out_row + j], sum, 1e-5 * total) << name(encoding) << r << ", " << j;
    }
}

TEST(Encoded, TallDotsAreThoseOfTheRoundedValues) {
  for (const Encoding encoding : all_encodings()) {
    if (is_half(encoding)) continue;
    const bool small = traits(encoding).block_elements == 32;
    expect_tall_dots(encoding, {1, 1, 256});
    expect_tall_dots(encoding, {6, 53, small ? 544 : 768});
    expect_tall_dots(encoding, {4, 8, small ? 32 : 512});
  }
}

// Every code at an end of its range against activations at the ends of theirs: where products are
// first added in 16 bits, these are the largest sums.
TEST(Encoded, TheLargestCodesDoNotOverflow) {
  constexpr std::int64_t rows = 5, count = 16, k = 256;
  for (const Encoding encoding : all_encodings()) {
    if (is_half(encoding)) continue;
    for (const float end : {1.0F, -1.0F}) {
      std::vector<float> values(count * k, end), x(rows * k);
      for (std::int64_t i = 0; i < count * k; i += 16) values[i] = -1.01F * end;
      for (std::int64_t i = 0; i < rows * k; ++i)  // of one sign in the first two rows
        x[i] = i / k == 0 || (i / k > 1 && i / (i / k) % 2 == 0) ? 3.0F : -3.0F;
      std::vector<std::byte> blocks = encoded(encoding, values);
      if (encoding == Encoding::q8_0 && end < 0)  // a code that no encoder writes
        for (std::size_t i = 0; i < blocks.size(); ++i)
          if (i % 34 >= 2) blocks[i] = std::byte{0x80};
      std::vector<float> w(count * k);
      decode_blocks(encoding, blocks.data(), count * k, w.data());
      for (const EncodedKernels* kernels : all_kernels())
        for (const bool tall : {false, true}) {
          const Rounded rounded(*kernels, encoding, x, rows, tall);
          std::vector<float> out(rows * count);
          (tall ? kernels->tall : kernels->dots)(encoding, blocks.data(), count, rounded.rows, rows,
                                                 out.data(), count);
          for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t j = 0; j < count; ++j) {
              double sum = 0;
              for (std::int64_t i = 0; i < k; ++i)
                sum += static_cast<double>(rounded.value(r * k + i)) * w[j * k + i];
              ASSERT_NEAR(out[r * count + j], sum, 1e-5 * 3 * 1.01 * k)
                  << name(*kernels) << ' ' << name(encoding) << ' ' << tall << ' ' << r;
            }
        }
    }
  }
}

// One code of one block alone, in every place: a lane that was mixed up is seen at once.
TEST(Encoded, EveryPlaceOfABlockMeetsItsOwnActivation) {
  for (const Encoding encoding : all_encodings()) {
    if (is_half(encoding)) continue;
    const std::int64_t k = traits(encoding).block_elements;
    const std::vector<std::byte> blocks = encoded(encoding, normal(k, 9));
    std::vector<float> w(k);
    decode_blocks(encoding, blocks.data(), k, w.data());
    const float largest = std::abs(*std::max_element(
        w.begin(), w.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
    for (const EncodedKernels* kernels : all_kernels())
      for (std::int64_t i = 0; i < k; ++i) {
        std::vector<float> x(k, 0);
        x[i] = 2;
        const Rounded rounded(*kernels, encoding, x, 1);
        float out = 0;
        kernels->dots(encoding, blocks.data(), 1, rounded.rows, 1, &out, 1);
        EXPECT_NEAR(out, 2 * w[i], 2e-5 * largest) << name(encoding) << ", element " << i;
        const Rounded tall(*kernels, encoding, x, 1, true);
        kernels->tall(encoding, blocks.data(), 1, tall.rows, 1, &out, 1);
        EXPECT_NEAR(out, 2 * w[i], 2e-5 * largest) << name(encoding) << ", tall, element " << i;
      }
  }
}

TEST(Encoded, HalvesNeedNoRounding) {
  for (const Encoding encoding : {Encoding::f16, Encoding::bf16})
    for (const std::int64_t k : {16, 37, 256}) {
      const std::vector<float> x = normal(5 * k, 7);
      const std::vector<std::byte> bytes = encoded(encoding, normal(3 * k, 8));
      std::vector<float> w(3 * k), first;
      decode_blocks(encoding, bytes.data(), 3 * k, w.data());
      for (const EncodedKernels* kernels : all_kernels()) {
        std::vector<float> out(15);
        kernels->halves(encoding, bytes.data(), 3, x.data(), k, k, 5, out.data(), 3);
        for (std::int64_t i = 0; i < 15; ++i)
          EXPECT_NEAR(out[i],
                      std::inner_product(w.begin() + i % 3 * k, w.begin() + (i % 3 + 1) * k,
                                         x.begin() + i / 3 * k, 0.0),
                      1e-4)
              << name(encoding) << ", " << i;
        if (first.empty()) first = out;
        EXPECT_EQ(out, first) << name(encoding);
      }
    }
}

}  // namespace
}  // namespace pliant::native
