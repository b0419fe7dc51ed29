#include "formats/npy/npy.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"

namespace pliant {
namespace {

std::string file(const std::string& header, const std::string& data, char version = 1) {
  std::string out = std::string("\x93NUMPY") + version + '\0';
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + header + data;
}

Tensor read(const std::string& bytes) {
  return tensor_from_npy(std::as_bytes(std::span(bytes)), "a.npy");
}

std::string problem(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(Npy, EveryTypeReadsBack) {
  for (const DType dtype :
       {DType::f32, DType::f64, DType::f16, DType::i8, DType::u8, DType::i16, DType::u16,
        DType::i32, DType::u32, DType::i64, DType::u64, DType::boolean})
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3, 4}, Shape{0, 5}}) {
      Tensor tensor({dtype, shape});
      for (std::int64_t i = 0; i < elements(shape); ++i)
        set(tensor.view(), i, static_cast<double>(i % 2));
      const Tensor back = read(npy_bytes(tensor.view()));
      ASSERT_EQ(back.type(), tensor.type());
      EXPECT_TRUE(std::equal(back.raw().begin(), back.raw().end(), tensor.raw().begin()));
    }
}

TEST(Npy, WritesTheLayoutNumpyWrites) {
  const std::string bytes = npy_bytes(Tensor::of(DType::f32, {2, 1}, {1, 2}).view());
  EXPECT_EQ(bytes.size() % 64, 8u);
  EXPECT_EQ(bytes.substr(10, 59), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }");
  EXPECT_NE(npy_bytes(Tensor::of(DType::f32, {2}, {1, 2}).view()).find("(2,)"), std::string::npos);
}

TEST(Npy, Bf16IsWrittenAsF32) {
  const Tensor back = read(npy_bytes(Tensor::of(DType::bf16, {2}, {1.5, -2}).view()));
  EXPECT_EQ(to_string(back.type()), "f32[2]");
  EXPECT_EQ(back.span<float>()[0], 1.5f);
}

TEST(Npy, ReadsFortranOrderAndLaterVersions) {
  const Tensor tensor =
      read(file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "\1\4\2\5\3\6", 2));
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(get(tensor.view(), i), static_cast<double>(i + 1));
}

TEST(Npy, RefusesBrokenFilesNamingTheByte) {
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n";
  EXPECT_EQ(problem("PK\3\4"), "a.npy: is not a .npy file");
  EXPECT_EQ(problem(file(good, "a")), "a.npy: byte 68: u8[2] need 2 bytes, the file has 1");
  EXPECT_EQ(problem(file(good, "abc")), "a.npy: byte 68: u8[2] need 2 bytes, the file has 3");
  EXPECT_EQ(problem(file(good, "ab", 9)).substr(0, 13), "a.npy: byte 6");
  EXPECT_EQ(problem(file(good, "").substr(0, 40)).substr(0, 13), "a.npy: byte 8");
  EXPECT_EQ(problem(file("{'descr': '|u1'", "ab")).substr(0, 14), "a.npy: byte 25");
  EXPECT_NE(problem(file("{'descr': '>f4', 'shape': (1,)}", "abcd")).find("element type '>f4'"),
            std::string::npos);
  EXPECT_NE(problem(file("{'descr': [('a', '<f4')], 'shape': (1,)}", "abcd")).find("records"),
            std::string::npos);
  EXPECT_NE(problem(file("{'descr': '|u1', 'shape': (-2,)}", "ab")).find("no valid size"),
            std::string::npos);
  EXPECT_NE(problem(file("{'descr': '|u1', 'shape': (99999999999, 99999999999)}", "ab")), "none");
  EXPECT_NE(problem(file("{'descr': '|u1', 'shape': (2), 'x': 1}", "ab")).find("unknown key 'x'"),
            std::string::npos);
}

TEST(Npy, MutatedFilesAreReadWholeOrRefusedByPlace) {
  const std::string good = npy_bytes(Tensor::of(DType::f32, {2, 2}, {1, 2, 3, 4}).view());
  Rng rng(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good.substr(0, rng.between(0, static_cast<std::int64_t>(good.size())));
    for (int k = 0; k < 3 && !bytes.empty(); ++k)
      bytes[rng.below(static_cast<std::int64_t>(bytes.size()))] = static_cast<char>(rng.bits());
    const std::string said = problem(bytes);
    if (said == "none") EXPECT_LE(read(bytes).raw().size(), bytes.size());
    else EXPECT_EQ(said.substr(0, 7), "a.npy: ");
  }
}

}  // namespace
}  // namespace pliant
