#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "quant/block_cases.h"

namespace pliant {
namespace {

Tensor golden_matrix(const std::string& file, std::int64_t columns) {
  const std::string bytes = read_file("golden/quant/" + file);
  Tensor result({DType::f32, {static_cast<std::int64_t>(bytes.size()) / 4 / columns, columns}});
  std::memcpy(result.view().data, bytes.data(), bytes.size());
  return result;
}

Tensor rows_of(const Tensor& matrix, std::int64_t first, std::int64_t count) {
  return decode_rows({matrix.type(), Encoding::plain, matrix.raw()}, first, count);
}

Tensor round_trip(const Tensor& values, Encoding encoding) {
  const std::vector<std::byte> bytes = encode(values.view(), encoding, "w");
  return decode({values.type(), encoding, bytes});
}

double relative_error(const Tensor& values, const Tensor& decoded) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < values.span<float>().size(); ++i) {
    const double x = values.span<float>()[i],
                 rest = x - static_cast<double>(decoded.span<float>()[i]);
    error += rest * rest;
    size += x * x;
  }
  return std::sqrt(error / size);
}

TEST(Encode, BytesAreThoseOfTheFormatsReference) {
  const Tensor input = golden_matrix("input.f32", 256);
  for (const Encoding each :
       {Encoding::q8_0, Encoding::q4_0, Encoding::q4_1, Encoding::q5_0, Encoding::q5_1}) {
    const std::string wanted = read_file("golden/quant/" + std::string(name(each)) + ".encoded");
    const std::vector<std::byte> bytes = encode(input.view(), each, "w");
    ASSERT_EQ(bytes.size(), wanted.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
      ASSERT_EQ(bytes[i], static_cast<std::byte>(wanted[i])) << name(each) << " byte " << i;
  }
}

// errors.txt: what ggml's own quantiser leaves of the rows of matrix.f32, eight rows of each kind.
TEST(Encode, ErrorsAreNoWorseThanThoseOfTheFormatsReference) {
  const Tensor matrix = golden_matrix("matrix.f32", 1024);
  std::istringstream lines(read_file("golden/quant/errors.txt"));
  std::string type, kind;
  double reference = 0;
  std::vector<std::string> kinds;
  while (lines >> type >> kind >> reference) {
    if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
    const auto at = std::ranges::find(kinds, kind) - kinds.begin();
    const Tensor rows = rows_of(matrix, at * 8, 8);
    const double error = relative_error(rows, round_trip(rows, encoding_from_name(type)));
    EXPECT_LE(error, reference * 1.000001) << type << " " << kind;
  }
  EXPECT_EQ(kinds.size(), 7u);
}

// Random values of many magnitudes: each row of 256 has its own.
Tensor random_rows(std::uint64_t seed, std::int64_t rows, double least, double most) {
  Rng rng(seed);
  Tensor result({DType::f32, {rows, 256}});
  for (std::int64_t row = 0; row < rows; ++row) {
    const double size = least * std::pow(most / least, rng.uniform());
    for (int i = 0; i < 256; ++i)
      result.span<float>()[row * 256 + i] = static_cast<float>(size * rng.normal());
  }
  return result;
}

// of normal values, root mean square, a fifth above what is measured
double coarsest_error(Encoding encoding) {
  switch (encoding) {
    case Encoding::q8_0: return 0.0065;
    case Encoding::q6_k: return 0.021;
    case Encoding::q5_0:
    case Encoding::q5_1:
    case Encoding::q5_k: return 0.052;
    case Encoding::q3_k: return 0.18;
    case Encoding::q2_k: return 0.32;
    case Encoding::mxfp4: return 0.14;
    default: return 0.11;
  }
}

TEST(Encode, RoundTripErrorIsBounded) {
  for (const Encoding each : block_encodings())
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Tensor values = random_rows(seed, 4, 1e-2, 1e4);
      EXPECT_LT(relative_error(values, round_trip(values, each)), coarsest_error(each))
          << name(each) << " " << seed;
    }
}

TEST(Encode, OfDecodedValuesChangesNothing) {
  for (const Encoding each : {Encoding::q8_0, Encoding::q4_0, Encoding::q5_0, Encoding::mxfp4}) {
    const Tensor once = round_trip(random_rows(5, 64, 1e-2, 1e2), each),
                 twice = round_trip(once, each);
    EXPECT_TRUE(std::ranges::equal(once.raw(), twice.raw())) << name(each);
    EXPECT_EQ(encode(once.view(), each, "w"), encode(twice.view(), each, "w")) << name(each);
  }
}

TEST(Encode, ZerosStayZeros) {
  const Tensor zeros({DType::f32, {2, 256}});
  for (const Encoding each : block_encodings()) {
    const Tensor decoded = round_trip(zeros, each);
    for (const float value : decoded.span<float>()) ASSERT_EQ(value, 0.0F) << name(each);
  }
}

TEST(Encode, ConstantsStayNearlyConstant) {
  for (const double constant : {0.37, -2.5}) {
    const Tensor values = Tensor::of(DType::f32, {256}, std::vector<double>(256, constant));
    for (const Encoding each : block_encodings())
      EXPECT_LT(relative_error(values, round_trip(values, each)), 0.21)
          << name(each) << " " << constant;
  }
}

TEST(Encode, TinyValuesNeverGrow) {
  for (const double size : {1e-7, 1e-20, 1e-40}) {
    const Tensor values = random_rows(3, 4, size, size);
    for (const Encoding each : block_encodings()) {
      const double error = relative_error(values, round_trip(values, each));
      // a 16-bit scale has no finer step than 6e-8
      EXPECT_LE(error, 2.5) << name(each) << " " << size;
      if (size < 1e-19 && each != Encoding::mxfp4) {
        EXPECT_EQ(error, 1.0) << name(each);
      }
    }
  }
}

TEST(Encode, KeepsAnOutlier) {
  Tensor values = random_rows(4, 1, 0.1, 0.1);
  values.span<float>()[77] = 50;
  for (const Encoding each : block_encodings())
    EXPECT_NEAR(round_trip(values, each).span<float>()[77], 50, 3) << name(each);
}

std::string refusal(const Tensor& values, Encoding encoding) {
  try {
    encode(values.view(), encoding, "layer/w");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(Encode, RefusesValuesThatAreNotFiniteOrTooLarge) {
  for (const Encoding each : block_encodings()) {
    for (const float wrong :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      Tensor values = random_rows(6, 2, 1, 1);
      values.span<float>()[300] = wrong;
      EXPECT_NE(refusal(values, each).find("layer/w: element 300"), std::string::npos)
          << refusal(values, each);
    }
    Tensor values = random_rows(7, 2, 1, 1);
    values.span<float>()[301] = -1e30F;
    const std::string wanted = each == Encoding::mxfp4 ? "accepted" : "element 301";
    EXPECT_NE(refusal(values, each).find(wanted), std::string::npos) << refusal(values, each);
  }
  EXPECT_NE(refusal(Tensor({DType::f32, {2, 48}}), Encoding::q8_0).find("multiple of 32"),
            std::string::npos);
  EXPECT_NE(refusal(Tensor({DType::f16, {32}}), Encoding::q8_0).find("only f32"),
            std::string::npos);
}

TEST(Encode, SameBytesForEveryPool) {
  const Tensor values = random_rows(8, 600, 1e-3, 1);
  ThreadPool three(3);
  for (const Encoding each : block_encodings())
    EXPECT_EQ(encode(values.view(), each, "w"), encode(values.view(), each, "w", &three))
        << name(each);
}

TEST(Encode, SixteenBitFloatsRoundToNearest) {
  const Tensor values = Tensor::of(DType::f32, {4}, {1.0004883, -0.1, 65504, 1e-8});
  for (const auto& [dtype, encoding] :
       {std::pair{DType::f16, Encoding::f16}, {DType::bf16, Encoding::bf16}}) {
    const Tensor wanted =
        Tensor::of(dtype, {4}, {1.0004883, static_cast<double>(-0.1F), 65504, 1e-8});
    EXPECT_TRUE(std::ranges::equal(encode(values.view(), encoding, "w"), wanted.raw()))
        << name(encoding);
  }
  const Tensor large = Tensor::of(DType::f32, {3}, {1, 65520, 2});
  EXPECT_NE(refusal(large, Encoding::f16).find("element 1"), std::string::npos);
  EXPECT_EQ(refusal(large, Encoding::bf16), "accepted");
}

TEST(Encode, PlainKeepsTheBytes) {
  const Tensor values = Tensor::of(DType::f16, {3}, {1, 2, 3});
  EXPECT_TRUE(std::ranges::equal(encode(values.view(), Encoding::plain, "w"), values.raw()));
}

}  // namespace
}  // namespace pliant
