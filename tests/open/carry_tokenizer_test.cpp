// Tokenizers that models take along into other formats.
#include "open/carry_tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"

namespace pliant {
namespace {

TEST(TokenizerSource, WhatLiesBesideAModelByChanceIsNotItsOwn) {
  const std::string folder = testing::TempDir() + "/pliant_beside";
  std::filesystem::create_directories(folder);
  write_file(folder + "/model.bin", std::string("24ka\1\0\0\0", 8));
  write_file(folder + "/tok9.model", read_file("golden/text/spm-bpe.model"));
  const Source model(folder + "/model.bin");
  const auto has_one = [&](const std::string& given, std::int64_t rows) {
    return TokenizerSource(model, given, rows).has_metadata();
  };
  EXPECT_TRUE(has_one("", 100000));
  EXPECT_FALSE(has_one("", 3));
  EXPECT_TRUE(has_one(folder + "/tok9.model", 3));  // asked for
  EXPECT_THROW(TokenizerSource(model, folder + "/tok9.model", 3).metadata(), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pliant
