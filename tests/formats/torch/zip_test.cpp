#include "formats/torch/zip.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "formats/torch/torch_file.h"

namespace pliant {
namespace {

using namespace torch_file;

std::string zip_refusal(const std::string& file) {
  return error_of([&] { read_stored_zip(std::as_bytes(std::span(file)), "z"); });
}
void expect_zip_refusal(const std::string& file, const std::string& part) {
  const std::string said = zip_refusal(file);
  EXPECT_NE(said.find(part), std::string::npos) << said << "\nwithout: " << part;
}

const std::vector<Entry> two{{"one", "11"}, {"two", "222"}};
constexpr std::size_t header = 30, end_record = 22;  // bytes

TEST(Zip, GivesEntriesInOrder) {
  for (const bool wide : {false, true}) {
    const std::string file = zip(two, wide);
    const auto bytes = std::as_bytes(std::span(file));
    EXPECT_TRUE(looks_like_zip(bytes));
    EXPECT_EQ(first_zip_entry(bytes), "one");
    const auto entries = read_stored_zip(bytes, "z");
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[1].name, "two");
    EXPECT_EQ(entries[1].bytes.size(), 3u);
    EXPECT_EQ(entries[1].bytes[0], std::byte{'2'});
  }
}

TEST(Zip, WhatIsNotStoredIsRefused) {
  expect_zip_refusal(zip({{"one", "11", 8}}), "'one' is compressed (method 8)");
  expect_zip_refusal(zip({{"one", "11", 0, 1}}), "'one' is encrypted");
  expect_zip_refusal(zip({{"one", "1"}, {"one", "2"}}), "'one' stands there twice");
}

TEST(Zip, RecordsThatLieAreRefused) {
  const std::string file = zip(two);
  const std::size_t end = file.size() - end_record, directory = 2 * header + 6 + 5;
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string changed = file;
    return changed.replace(at, bytes.size(), bytes);
  };
  expect_zip_refusal("", "no end of a zip archive");
  expect_zip_refusal(with(end + 10, little(9, 2)), "9 entries in a directory of 98 bytes");
  expect_zip_refusal(with(end + 10, little(1, 2)), "the directory goes on after its 1 entries");
  expect_zip_refusal(with(end + 12, little(1000, 4)), "a directory of 1000 bytes");
  expect_zip_refusal(with(end + 4, little(1, 2)), "an archive in parts");
  expect_zip_refusal(with(directory, "xx"), "no entry of the directory");
  expect_zip_refusal(with(directory + 28, little(500, 2)),
                     "an entry that goes beyond the directory");
  expect_zip_refusal(with(directory + 20, little(1, 4)), "'one' has 2 bytes, stored in 1");
  expect_zip_refusal(with(directory + 20, little(90, 4) + little(90, 4)),
                     "'one': 90 bytes of data from byte 33 on go beyond");
  expect_zip_refusal(with(directory + 20, little(9, 4) + little(9, 4)),
                     "'two' overlaps the entry before it");
  expect_zip_refusal(with(directory + 20, std::string(8, '\xff')), "without the 64-bit size");
  expect_zip_refusal(with(directory + 42, little(5, 4)), "'one' is not at byte 5");
  expect_zip_refusal(with(header, "0ne"), "this entry is not 'one'");
  std::string wide = zip(two, true);
  wide[wide.size() - end_record - 12] = '\x7f';
  expect_zip_refusal(wide, "no 64-bit end of the archive");
}

}  // namespace
}  // namespace pliant
