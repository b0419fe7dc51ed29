#include "formats/gguf/gguf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/files.h"

namespace pliant {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// Builds files by hand, right or wrong.
struct Bytes {
  std::string text;
  template <typename T>
  Bytes& put(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& str(const std::string& value) {
    put(std::uint64_t{value.size()}).text += value;
    return *this;
  }
  Bytes& head(std::uint64_t tensors, std::uint64_t entries, std::uint32_t version = 3) {
    text += "GGUF";
    return put(version).put(tensors).put(entries);
  }
  Bytes& tensor(const std::string& name, const std::vector<std::uint64_t>& sizes,
                std::uint32_t type, std::uint64_t offset) {
    str(name).put(static_cast<std::uint32_t>(sizes.size()));
    for (const auto size : sizes) put(size);
    return put(type).put(offset);
  }
  Bytes& data(std::size_t size) {
    text.resize((text.size() + 31) / 32 * 32);
    text.append(size, '\1');
    return *this;
  }
};

std::string refusal(const std::string& text) {
  try {
    read_gguf(bytes_of(text), "f");
  } catch (const Error& error) {
    return std::string(name(error.kind())) + ": " + error.what();
  }
  return "accepted";
}

void expect_refused(const Bytes& file, const std::string& words) {
  EXPECT_NE(refusal(file.text).find(words), std::string::npos) << refusal(file.text);
}

Gguf everything(const Tensor& plain, const std::string& blocks) {
  Gguf file;
  file.metadata = {{"general.architecture", std::string("test")},
                   {"a.u8", std::uint8_t{255}},
                   {"a.i8", std::int8_t{-128}},
                   {"a.u16", std::uint16_t{65535}},
                   {"a.i16", std::int16_t{-32768}},
                   {"a.u32", std::uint32_t{4294967295U}},
                   {"a.i32", std::int32_t{-5}},
                   {"a.f32", 0.1F},
                   {"a.true", true},
                   {"a.u64", std::uint64_t{1} << 63},
                   {"a.i64", std::int64_t{-7}},
                   {"a.f64", 0.1},
                   {"l.u8", GgufArray{std::vector<std::uint8_t>{1, 2}}},
                   {"l.i8", GgufArray{std::vector<std::int8_t>{-1}}},
                   {"l.u16", GgufArray{std::vector<std::uint16_t>{}}},
                   {"l.i16", GgufArray{std::vector<std::int16_t>{-3, 3}}},
                   {"l.u32", GgufArray{std::vector<std::uint32_t>{9}}},
                   {"l.i32", GgufArray{std::vector<std::int32_t>{-9, 8}}},
                   {"l.f32", GgufArray{std::vector<float>{0.5F, -1}}},
                   {"l.bool", GgufArray{std::vector<bool>{true, false, true}}},
                   {"l.str", GgufArray{std::vector<std::string>{"", "x", std::string("a\0b", 3)}}},
                   {"l.u64", GgufArray{std::vector<std::uint64_t>{1}}},
                   {"l.i64", GgufArray{std::vector<std::int64_t>{-1}}},
                   {"l.f64", GgufArray{std::vector<double>{1e300}}}};
  file.tensors.push_back({"plain", {plain.type(), Encoding::plain, plain.raw()}});
  file.tensors.push_back({"empty", {{DType::f16, {0, 3}}, Encoding::plain, {}}});
  file.tensors.push_back({"q8", {{DType::f32, {1, 64}}, Encoding::q8_0, bytes_of(blocks)}});
  file.tensors.push_back(
      {"scalar", {{DType::f32, {}}, Encoding::plain, bytes_of(blocks).first(4)}});
  return file;
}

TEST(Gguf, WhatIsWrittenReadsBack) {
  const Tensor plain = Tensor::of(DType::i16, {2, 3}, {1, 2, 3, -4, 5, 6});
  const std::string blocks(68, '\3'), path = testing::TempDir() + "/pliant_gguf_test";
  Gguf file = everything(plain, blocks);
  for (const std::uint32_t alignment : {32U, 64U, 8U}) {
    if (alignment != 32) file.metadata.emplace_back("general.alignment", alignment);
    write_gguf(path, file);
    const MappedFile mapped(path);
    const Gguf back = read_gguf(mapped.bytes(), path);
    EXPECT_EQ(back.version, 3u);
    EXPECT_EQ(back.metadata, file.metadata);
    ASSERT_EQ(back.tensors.size(), file.tensors.size());
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
      const Stored &found = back.tensors[i].stored, &wanted = file.tensors[i].stored;
      EXPECT_EQ(back.tensors[i].name, file.tensors[i].name);
      EXPECT_EQ(found.type, wanted.type);
      EXPECT_EQ(found.encoding, wanted.encoding);
      EXPECT_TRUE(std::ranges::equal(found.bytes, wanted.bytes)) << back.tensors[i].name;
      EXPECT_EQ((found.bytes.data() - mapped.bytes().data()) % alignment, 0);
    }
    if (alignment != 32) file.metadata.pop_back();
  }
}

TEST(Gguf, EncodedHalvesReadBackAsPlainOnes) {
  const std::string path = testing::TempDir() + "/pliant_gguf_half_test", bytes(12, '\1');
  write_gguf(path, {3, {}, {{"h", {{DType::f32, {2, 3}}, Encoding::f16, bytes_of(bytes)}}}});
  const MappedFile mapped(path);
  const Stored back = read_gguf(mapped.bytes(), path).tensors.at(0).stored;
  EXPECT_EQ(back.type, (TensorType{DType::f16, {2, 3}}));
  EXPECT_EQ(back.encoding, Encoding::plain);
  EXPECT_TRUE(std::ranges::equal(back.bytes, bytes_of(bytes)));
}

TEST(Gguf, MetadataByType) {
  const Tensor plain = Tensor::of(DType::i16, {1}, {1});
  const std::string blocks(68, '\3');
  const Gguf file = everything(plain, blocks);
  EXPECT_EQ(file.integer("a.i8"), -128);
  EXPECT_EQ(file.integer("a.u32"), 4294967295);
  EXPECT_EQ(file.number("a.f32"), static_cast<double>(0.1F));
  EXPECT_EQ(file.number("a.u16"), 65535);
  EXPECT_TRUE(file.truth("a.true"));
  EXPECT_EQ(file.text("general.architecture"), "test");
  EXPECT_EQ(file.integers("l.i32"), (std::vector<std::int64_t>{-9, 8}));
  EXPECT_EQ(file.integers("a.i64"), (std::vector<std::int64_t>{-7}));
  EXPECT_EQ(file.numbers("l.f32"), (std::vector<double>{0.5, -1}));
  EXPECT_EQ(file.texts("l.str").size(), 3u);
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(Gguf, MetadataOfAnotherTypeIsAnErrorWithItsKey) {
  const Tensor plain = Tensor::of(DType::i16, {1}, {1});
  const std::string blocks(68, '\3');
  const Gguf file = everything(plain, blocks);
  const auto kind_of = [&](const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_NE(error.place().find("metadata "), std::string::npos);
      return error.kind();
    }
    return ErrorKind::io;
  };
  EXPECT_EQ(kind_of([&] { file.integer("absent"); }), ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] { file.integer("a.u64"); }), ErrorKind::format);  // 2^63
  EXPECT_EQ(kind_of([&] { file.integer("a.f32"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.integer("a.true"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.integer("l.i32"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.number("general.architecture"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.truth("a.u8"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.text("a.u8"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.integers("l.f32"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.numbers("l.str"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.texts("l.i32"); }), ErrorKind::format);
  EXPECT_EQ(kind_of([&] { file.texts("general.architecture"); }), ErrorKind::format);
}

TEST(Gguf, ReadsVersion2AndTensorsOuterAxisFirst) {
  Bytes file;
  file.head(1, 0, 2).tensor("t", {3, 2}, 0, 0).data(24);
  const Gguf read = read_gguf(bytes_of(file.text), "f");
  EXPECT_EQ(read.version, 2u);
  EXPECT_EQ(read.tensors.at(0).stored.type, (TensorType{DType::f32, {2, 3}}));
}

TEST(Gguf, RefusesWhatIsNoGgufOrAnotherVersion) {
  expect_refused(Bytes{"GGU"}, "format: f: byte 0");
  expect_refused(Bytes{"GGML1234"}, "no GGUF");
  expect_refused(Bytes().head(0, 0, 1), "unsupported: f: byte 4: GGUF version 1");
  expect_refused(Bytes().head(0, 0, 4), "version 4");
  expect_refused(Bytes().head(0, 0, 3U << 24), "big-endian");
}

TEST(Gguf, RefusesCountsThatTheFileCannotHold) {
  expect_refused(Bytes().head(1, 0), "byte 8: 1 tensors");
  expect_refused(Bytes().head(~0ULL, 0), "tensors");
  expect_refused(Bytes().head(0, ~0ULL), "byte 16: 18446744073709551615 metadata");
  expect_refused(Bytes().head(0, 1).put(~0ULL).put(0ULL).put(0ULL), "byte 24: a string of");
  expect_refused(Bytes().head(0, 1).str("k").put(9U).put(4U).put(1ULL << 62), "numbers");
  expect_refused(Bytes().head(0, 1).str("k").put(9U).put(8U).put(1ULL << 61), "strings");
  expect_refused(Bytes().head(0, 1).str("k").put(9U).put(7U).put(2ULL).put('\1'), "truth values");
}

TEST(Gguf, RefusesWrongMetadata) {
  expect_refused(Bytes().head(0, 1).str("k").put(13U).put(0ULL), "unknown type 13");
  expect_refused(Bytes().head(0, 1).str("k").put(9U).put(9U).put(0ULL), "array of arrays");
  expect_refused(Bytes().head(0, 1).str("k").put(7U).put('\2'), "a truth value of 2");
  expect_refused(Bytes().head(0, 1).str("").put(4U).put(1U).put('\0'), "without a name");
  expect_refused(Bytes().head(0, 2).str("k").put(4U).put(1U).str("k").put(4U).put(1U),
                 "duplicate key 'k'");
  for (const std::uint32_t alignment : {0U, 24U})
    expect_refused(Bytes().head(0, 1).str("general.alignment").put(4U).put(alignment),
                   "power of two");
  expect_refused(Bytes().head(0, 1).str("general.alignment").put(10U).put(32ULL), "power of two");
}

TEST(Gguf, RefusesWrongTensors) {
  expect_refused(Bytes().head(1, 0).tensor("t", {2}, 16, 0).data(8),
                 "unsupported: f: byte 45: tensor 't' of type 16");
  expect_refused(Bytes().head(1, 0).tensor("t", {1, 1, 1, 1, 1}, 0, 0).data(8), "5 axes");
  expect_refused(Bytes().head(1, 0).tensor("t", {1ULL << 63}, 0, 0).data(8), "an axis of");
  expect_refused(Bytes().head(1, 0).tensor("t", {1ULL << 40, 1ULL << 40}, 0, 0).data(8),
                 "overflows");
  expect_refused(Bytes().head(1, 0).tensor("t", {1ULL << 61}, 28, 0).data(8), "overflows");
  expect_refused(Bytes().head(1, 0).tensor("t", {33}, 8, 0).data(68), "no multiple of 32");
  expect_refused(Bytes().head(1, 0).tensor("t", {}, 8, 0).data(68), "no multiple of 32");
  expect_refused(Bytes().head(1, 0).tensor("t", {2}, 0, 8).data(40), "offset 8");
  expect_refused(Bytes().head(1, 0).tensor("t", {2}, 0, 32).data(8), "8 bytes at 32");
  expect_refused(Bytes().head(1, 0).tensor("t", {3}, 0, 0).data(8), "12 bytes at 0");
  expect_refused(Bytes().head(1, 0).tensor("t", {2}, 0, ~31ULL).data(8), "8 bytes at");
  expect_refused(Bytes().head(2, 0).tensor("t", {2}, 0, 0).tensor("t", {2}, 0, 32).data(64),
                 "duplicate tensor 't'");
  expect_refused(Bytes().head(2, 0).tensor("b", {9}, 0, 0).tensor("a", {2}, 0, 32).data(64),
                 "'b' and 'a' overlap");
  EXPECT_EQ(refusal(Bytes().head(2, 0).tensor("e", {0}, 0, 0).tensor("a", {2}, 0, 0).data(8).text),
            "accepted");
}

TEST(Gguf, RefusesAFileCutAnywhere) {
  const Tensor plain = Tensor::of(DType::i16, {2, 3}, {1, 2, 3, -4, 5, 6});
  const std::string blocks(68, '\3'), path = testing::TempDir() + "/pliant_gguf_cut_test";
  Gguf contents = everything(plain, blocks);
  contents.tensors.pop_back();
  write_gguf(path, contents);
  const std::string whole = read_file(path);
  const std::size_t end = whole.size() - 96 + 68;  // the last tensor's 68 bytes are padded to 96
  EXPECT_EQ(refusal(whole.substr(0, end)), "accepted");
  for (std::size_t size = 0; size < end; ++size) {
    const std::string problem = refusal(whole.substr(0, size));
    ASSERT_TRUE(problem.starts_with("format: f: byte")) << size << ": " << problem;
  }
}

TEST(Gguf, WriterRefusesAndLeavesTheOldFile) {
  const std::string path = testing::TempDir() + "/pliant_gguf_old_test", zeros(64, '\0');
  write_file(path, "old");
  const Stored good{{DType::f32, {2}}, Encoding::plain, bytes_of(zeros).first(8)};
  const auto refused = [&](const Gguf& file, ErrorKind kind) {
    try {
      write_gguf(path, file);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
    }
    EXPECT_EQ(read_file(path), "old");
  };
  refused({3, {{"k", true}, {"k", true}}, {}}, ErrorKind::invalid);
  refused({3, {{"", true}}, {}}, ErrorKind::invalid);
  refused({3, {{"general.alignment", std::uint32_t{3}}}, {}}, ErrorKind::invalid);
  refused({3, {}, {{"t", good}, {"t", good}}}, ErrorKind::invalid);
  refused({3, {}, {{"t", {{DType::f32, {3}}, Encoding::plain, good.bytes}}}}, ErrorKind::invalid);
  refused({3, {}, {{"t", {{DType::f32, {33}}, Encoding::q8_0, good.bytes}}}}, ErrorKind::invalid);
  refused({3, {}, {{"t", {{DType::u8, {8}}, Encoding::plain, good.bytes}}}},
          ErrorKind::unsupported);
  refused({3, {}, {{"t", {{DType::f32, {1, 1, 1, 1, 2}}, Encoding::plain, good.bytes}}}},
          ErrorKind::unsupported);
}

TEST(Gguf, ReadsVocabularyFiles) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const std::pair<std::string, std::size_t> files[] = {
      {"bert-bge", 30522}, {"gpt-2", 50257}, {"phi-3", 32064}, {"starcoder", 49152}};
  for (const auto& [name, tokens] : files) {
    const MappedFile mapped(std::string(data) + "/tokenizers/ggml-vocab-" + name + ".gguf");
    const Gguf file = read_gguf(mapped.bytes(), name);
    EXPECT_EQ(file.texts("tokenizer.ggml.tokens").size(), tokens) << name;
    EXPECT_EQ(file.integers("tokenizer.ggml.token_type").size(), tokens) << name;
    EXPECT_TRUE(file.tensors.empty());
    const std::string path = testing::TempDir() + "/pliant_gguf_vocabulary_test";
    write_gguf(path, file);
    const MappedFile again(path);
    EXPECT_EQ(read_gguf(again.bytes(), path).metadata, file.metadata) << name;
  }
}

TEST(GgufFileType, IsWhatMostElementsAreWrittenAs) {
  const auto tensor = [](std::int64_t rows, Encoding encoding, DType dtype = DType::f32) {
    return GgufTensor{"t", {{dtype, {rows, 256}}, encoding, {}}};
  };
  EXPECT_EQ(gguf_file_type({}), 0u);
  EXPECT_EQ(gguf_file_type(
                {tensor(8, Encoding::q4_k), tensor(2, Encoding::q6_k), tensor(1, Encoding::plain)}),
            14u);
  EXPECT_EQ(gguf_file_type({tensor(2, Encoding::q4_k), tensor(8, Encoding::q6_k)}), 18u);
  EXPECT_EQ(gguf_file_type({tensor(4, Encoding::plain, DType::f16), tensor(4, Encoding::f16),
                            tensor(7, Encoding::q8_0)}),
            1u);
  EXPECT_EQ(gguf_file_type({tensor(4, Encoding::plain, DType::bf16)}), 32u);
}

}  // namespace
}  // namespace pliant
