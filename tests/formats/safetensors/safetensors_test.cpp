#include "formats/safetensors/safetensors.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"

namespace pliant {
namespace {

std::string file(const std::string& header, std::size_t data) {
  std::string result(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) result[i] = static_cast<char>(header.size() >> (8 * i));
  return result + header + std::string(data, '\1');
}

SafeTensors read(const std::string& text) {
  return read_safetensors(std::as_bytes(std::span(text.data(), text.size())), "f");
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string entry(const std::string& dtype, const std::string& shape, int begin, int end) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[)" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(SafeTensors, ReadsTensorsByPosition) {
  SafeTensors all =
      read(file(R"({"b":)" + entry("F32", "[2]", 0, 8) + R"(,"a":)" + entry("BF16", "[]", 8, 10) +
                    R"(,"__metadata__":{"format":"pt"}})",
                10));
  ASSERT_EQ(all.tensors.size(), 2u);
  EXPECT_EQ(all.tensors[0].name, "b");
  EXPECT_EQ(all.tensors[1].type, (TensorType{DType::bf16, {}}));
  EXPECT_EQ(all.metadata.at("format"), "pt");
}

TEST(SafeTensors, WhatIsWrittenReadsBackAligned) {
  Tensor x = Tensor::of(DType::f32, {3}, {1, 2, 3}),
         y = Tensor::of(DType::i8, {2, 2}, {1, 2, 3, 4});
  const std::string path = testing::TempDir() + "/pliant_safetensors_test";
  write_safetensors(
      path, {{{"k", "v \"quoted\""}}, {{"x", x.type(), x.raw()}, {"y", y.type(), y.raw()}}});
  MappedFile mapped(path);
  SafeTensors all = read_safetensors(mapped.bytes(), path);
  EXPECT_EQ(all.metadata.at("k"), "v \"quoted\"");
  for (const SafeTensor& each : all.tensors) {
    const bool aligned = (each.bytes.data() - mapped.bytes().data()) % 64 == 0;
    EXPECT_TRUE(aligned || is_padding(each)) << each.name;
  }
  WeightStore store = load_safetensors(path);
  EXPECT_EQ(store.size(), 2u);
  EXPECT_EQ(get(decode(store.at("y")).view(), 3), 4);
  std::remove(path.c_str());
}

TEST(SafeTensors, WriterRefusesContradictions) {
  Tensor x = Tensor::of(DType::f32, {3}, {1, 2, 3});
  const std::string path = testing::TempDir() + "/pliant_safetensors_refused";
  EXPECT_THROW(write_safetensors(path, {{}, {{"x", x.type(), x.raw()}, {"x", x.type(), x.raw()}}}),
               Error);
  EXPECT_THROW(write_safetensors(path, {{}, {{"x", {DType::f32, {4}}, x.raw()}}}), Error);
  EXPECT_THROW(write_safetensors(path, {{}, {{"\xff", x.type(), x.raw()}}}), Error);
  EXPECT_THROW(read_file(path), Error);
}

TEST(SafeTensors, RefusesDamagedFiles) {
  const std::string good = R"({"a":)" + entry("F32", "[2]", 0, 8) + "}";
  EXPECT_EQ(refusal(file(good, 8)), "accepted");
  EXPECT_EQ(refusal("abc"), "f: 3 bytes, at least 8 expected");
  EXPECT_EQ(refusal(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}")),
            "f: byte 0: a header of 9223372036854775807 bytes in a file of 10");
  EXPECT_EQ(refusal(file(good, 7)), "f: 'a': data from 0 to 8 of 7");
  EXPECT_EQ(refusal(file(good, 9)), "f: 9 bytes of data, 8 described");
  EXPECT_EQ(refusal(file(R"({"a":)" + entry("F32", "[3]", 0, 8) + "}", 8)),
            "f: 'a': f32[3] takes 12 bytes, 8 given");
  EXPECT_EQ(refusal(file(R"({"a":)" + entry("F8_E4M3", "[8]", 0, 8) + "}", 8)),
            "f: 'a': dtype F8_E4M3");
  EXPECT_EQ(
      refusal(file(
          R"({"a":)" + entry("U8", "[4]", 0, 4) + R"(,"b":)" + entry("U8", "[4]", 2, 6) + "}", 6)),
      "f: 'b' begins at 2, 4 expected: overlap or hole");
  EXPECT_EQ(refusal(file(R"({"a":)" + entry("U8", "[4]", 2, 6) + "}", 6)),
            "f: 'a' begins at 2, 0 expected: overlap or hole");
  EXPECT_EQ(
      refusal(file(
          R"({"a":)" + entry("U8", "[0]", 0, 0) + R"(,"a":)" + entry("U8", "[0]", 0, 0) + "}", 0)),
      "f: field 'a' is given twice in one object");
  EXPECT_NE(
      refusal(file(R"({"a":)" + entry("U8", "[4294967296,4294967296,4294967296]", 0, 0) + "}", 0)),
      "accepted");
  EXPECT_NE(refusal(file(R"({"a":)" + entry("U8", "[-1]", 0, 0) + "}", 0)), "accepted");
  EXPECT_NE(refusal(file(R"({"a":)" + entry("U8", "[1.5]", 0, 1) + "}", 1)), "accepted");
  EXPECT_NE(refusal(file(R"({"a":{"dtype":"U8"}})", 0)), "accepted");
  EXPECT_NE(refusal(file("[]", 0)), "accepted");
  EXPECT_NE(refusal(file("{", 0)), "accepted");
  EXPECT_NE(refusal(file(R"({"__metadata__":{"a":1}})", 0)), "accepted");
  EXPECT_NE(refusal(file(std::string(100000, '['), 0)), "accepted");
}

TEST(SafeTensors, DamageIsRefusedOrHarmless) {
  Rng rng(1);
  const std::string good = file(
      R"({"a":)" + entry("F32", "[2]", 0, 8) + R"(,"b":)" + entry("U8", "[4]", 8, 12) + "}", 12);
  for (int i = 0; i < 5000; ++i) {
    std::string bad = good;
    bad[rng.below(static_cast<std::int64_t>(bad.size()))] = static_cast<char>(rng.below(256));
    refusal(bad);
  }
}

}  // namespace
}  // namespace pliant
