#include "formats/safetensors/shards.h"

#include <unistd.h>

#include <filesystem>

#include "core/files.h"
#include "errors.h"
#include "formats/safetensors/safetensors.h"

namespace pliant {
namespace {

class Shards : public testing::Test {
 protected:
  Shards() : folder_(testing::TempDir() + "pliant-shards-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    write_safetensors(path("m-00001-of-00002.safetensors"),
                      {{}, {{"a", values_.type(), values_.raw()}}});
    write_safetensors(path("m-00002-of-00002.safetensors"),
                      {{}, {{"b", values_.type(), values_.raw()}}});
    write_file(
        index_,
        R"({"weight_map": {"a": "m-00001-of-00002.safetensors", "b": "m-00002-of-00002.safetensors"}})");
  }
  ~Shards() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_, index_ = folder_ + "/m.safetensors.index.json";
  Tensor values_ = Tensor::of(DType::f32, {3}, {1, 2, 3});
};

TEST_F(Shards, AreFoundFromAnyOfThem) {
  for (const char* name : {"m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"}) {
    const auto index = index_beside(path(name));
    ASSERT_EQ(index, index_);
    EXPECT_EQ(load_shards(*index).size(), 2u);
  }
  std::filesystem::rename(index_, path("model.safetensors.index.json"));
  write_file(path("model.safetensors.index.json"), R"({"weight_map": {"a": "one.safetensors"}})");
  EXPECT_EQ(index_beside(path("one.safetensors")), path("model.safetensors.index.json"));
}

TEST_F(Shards, AWholeFileHasNoIndex) {
  for (const char* name :
       {"whole.safetensors", "m.safetensors", "n-00001-of-00001.safetensors", "x.gguf"})
    EXPECT_EQ(index_beside(path(name)), std::nullopt) << name;
}

TEST_F(Shards, WhatIsMissingIsNamed) {
  std::filesystem::remove(path("m-00002-of-00002.safetensors"));
  const Error shard = thrown_by([&] { load_shards(index_); });
  EXPECT_EQ(shard.kind(), ErrorKind::not_found);
  EXPECT_EQ(shard.place(), path("m-00002-of-00002.safetensors"));
  const Error stranger = thrown_by([&] { index_beside(path("m-00003-of-00003.safetensors")); });
  EXPECT_EQ(stranger.kind(), ErrorKind::format);
  EXPECT_EQ(stranger.place(), index_);
  std::filesystem::remove(index_);
  const Error index = thrown_by([&] { index_beside(path("m-00001-of-00002.safetensors")); });
  EXPECT_EQ(index.kind(), ErrorKind::not_found);
  EXPECT_EQ(index.place(), index_);
}

}  // namespace
}  // namespace pliant
