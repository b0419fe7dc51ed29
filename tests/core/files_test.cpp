#include "core/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"

namespace pliant {
namespace {

std::string scratch(const std::string& name) { return testing::TempDir() + "pliant_files_" + name; }

TEST(Files, WriteThenRead) {
  const std::string path = scratch("a");
  write_file(path, "hello");
  EXPECT_EQ(read_file(path), "hello");
  write_file(path, "");
  EXPECT_EQ(read_file(path), "");
}

TEST(Files, AFailedWriteLeavesTheOldFile) {
  const std::string path = scratch("b");
  write_file(path, "old");
  EXPECT_THROW(write_file(path,
                          [](std::ostream& out) {
                            out << "half";
                            throw Error(ErrorKind::io, "test", "stopped");
                          }),
               Error);
  EXPECT_EQ(read_file(path), "old");
  for (const auto& entry : std::filesystem::directory_iterator(testing::TempDir()))
    EXPECT_EQ(entry.path().string().find("pliant_files_b.partial"), std::string::npos);
}

TEST(Files, NamesWhatIsMissing) {
  try {
    read_file("/no/such/file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_EQ(error.place(), "/no/such/file");
  }
  EXPECT_THROW(read_file("/"), Error);
}

TEST(Files, Names) {
  EXPECT_EQ(extension("/a.b/c.ONNX"), ".onnx");
  EXPECT_EQ(extension("/a.b/c"), "");
  EXPECT_EQ(extension(".hidden"), "");
  EXPECT_EQ(file_name("/a/b.c"), "b.c");
}

}  // namespace
}  // namespace pliant
