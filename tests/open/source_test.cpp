#include "open/source.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "errors.h"

namespace pliant {
namespace {

FileKind kind_of_text(std::string_view text, std::string_view path = "file") {
  return kind_of(std::as_bytes(std::span(text)), path);
}

TEST(FileKinds, AreToldByContent) {
  using namespace std::string_view_literals;
  EXPECT_EQ(kind_of_text("\x93NUMPY\x01\x00"sv), FileKind::array);
  EXPECT_EQ(kind_of_text("\x89PNG\r\n\x1a\n"sv), FileKind::image);
  EXPECT_EQ(kind_of_text("GGUF\x03\0\0\0"sv), FileKind::gguf);
  EXPECT_EQ(kind_of_text(R"({"config": {"block_size": 8}})"), FileKind::mingpt);
  EXPECT_EQ(kind_of_text(" \n{\"tensors\": []}"), FileKind::problem);
  EXPECT_EQ(kind_of_text(R"({"residencies": []})"), FileKind::plan);
  // the number is written the other way round
  EXPECT_EQ(kind_of_text("ak42\1\0\0\0"sv), FileKind::unknown);
  EXPECT_EQ(kind_of_text("24ka\1\0\0\0"sv), FileKind::llama2c);
  EXPECT_EQ(Source("golden/corenet/checkpoint.pt").kind(), FileKind::torch);
  EXPECT_EQ(kind_of_text("7767517\n1 1\n"), FileKind::ncnn);
  EXPECT_EQ(kind_of_text("id,lower,upper,size\n"), FileKind::placement);
  EXPECT_EQ(kind_of_text("\x02\0\0\0\0\0\0\0{}"sv), FileKind::pliant);
  EXPECT_EQ(kind_of_text("\x08\x07"), FileKind::onnx);
  EXPECT_EQ(kind_of_text(""), FileKind::unknown);
}

TEST(FileKinds, AreToldByTheNameWhereTheContentSaysNothing) {
  EXPECT_EQ(kind_of_text("", "net.onnx"), FileKind::onnx);
  EXPECT_EQ(kind_of_text("junk", "net.PLIANT"), FileKind::pliant);
  EXPECT_EQ(kind_of_text("junk", "model.pt"), FileKind::torch);
  EXPECT_EQ(kind_of_text("junk", "net.txt"), FileKind::unknown);
  EXPECT_EQ(kind_of_text("{}", "net.onnx"), FileKind::problem);
}

TEST(Sources, AreFilesFoldersAndTheZoo) {
  const Source zoo("zoo:resnet50");
  EXPECT_EQ(zoo.kind(), FileKind::zoo);
  EXPECT_TRUE(is_network(zoo.kind()));
  EXPECT_TRUE(zoo.bytes().empty());
  const Source folder("golden/openelm/tiny_a");
  EXPECT_EQ(folder.kind(), FileKind::folder);
  EXPECT_TRUE(is_language_model(folder.kind()));
  EXPECT_EQ(folder.file(), nullptr);
  const Source file("golden/openelm/tiny_a/model.safetensors");
  EXPECT_EQ(file.kind(), FileKind::pliant);
  EXPECT_EQ(file.bytes().size(), std::filesystem::file_size(file.path()));
  EXPECT_EQ(thrown_by([] { Source("golden/nothing"); }).kind(), ErrorKind::not_found);
}

TEST(Sources, ShareTheirMapping) {
  const Source file("golden/openelm/tiny_a/config.json");
  const Source copy = file;
  EXPECT_EQ(copy.bytes().data(), file.bytes().data());
}

}  // namespace
}  // namespace pliant
