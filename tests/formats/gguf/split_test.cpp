// Models in several parts, as llama.cpp splits them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "errors.h"
#include "formats/gguf/open.h"

namespace pliant {
namespace {

// Five tensors in three parts: 2, 2 and 1.
class SplitGguf : public testing::Test {
 protected:
  SplitGguf() : folder_(testing::TempDir() + "pliant-split-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    for (int no = 0; no < 3; ++no) write(no, no, 3, 5);
  }
  ~SplitGguf() override { std::filesystem::remove_all(folder_); }

  std::string path(int no) const {
    return folder_ + "/a-0000" + std::to_string(no + 1) + "-of-00003.gguf";
  }

  Gguf part(int no) const {
    Gguf file;
    if (no == 0) file.metadata = {{"general.architecture", std::string("small")}};
    for (int i = 2 * no; i < std::min(5, 2 * no + 2); ++i)
      file.tensors.push_back(
          {"t" + std::to_string(i), {values_.type(), Encoding::plain, values_.raw()}});
    return file;
  }
  void write(int place, int no, int count, int tensors) const {
    Gguf file = part(place);
    file.metadata.emplace_back("split.no", static_cast<std::uint16_t>(no));
    file.metadata.emplace_back("split.count", static_cast<std::uint16_t>(count));
    file.metadata.emplace_back("split.tensors.count", std::int32_t{tensors});
    write_gguf(path(place), file);
  }
  static GgufModel open(const std::string& path, GgufParts which = GgufParts::all) {
    return open_gguf(std::make_shared<const MappedFile>(path), path, which);
  }
  Error refusal(int no = 0) const {
    return thrown_by([&] { open(path(no)); });
  }

  std::string folder_;
  Tensor values_ = Tensor::of(DType::f32, {3}, {1, 2, 3});
};

TEST_F(SplitGguf, AnyPartStandsForTheWhole) {
  for (int no = 0; no < 3; ++no) {
    const GgufModel whole = open(path(no));
    ASSERT_EQ(whole.contents.tensors.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_EQ(whole.contents.tensors[i].name, "t" + std::to_string(i));
    EXPECT_EQ(get(decode(whole.contents.tensors[4].stored).view(), 2), 3);
    EXPECT_EQ(whole.contents.metadata.size(), 1u);
    EXPECT_EQ(whole.contents.text("general.architecture"), "small");
    EXPECT_EQ(whole.paths, (std::vector<std::string>{path(0), path(1), path(2)}));
  }
}

TEST_F(SplitGguf, AFileThatIsNotSplitIsOnePart) {
  for (const int count : {0, 1}) {
    write(0, 0, count, 2);
    const GgufModel whole = open(path(0));
    EXPECT_EQ(whole.contents.tensors.size(), 2u);
    EXPECT_EQ(whole.contents.metadata.size(), 1u);
    EXPECT_EQ(whole.paths, std::vector<std::string>{path(0)});
  }
  write_gguf(path(1), part(1));  // whatever it is called
  EXPECT_EQ(open(path(1)).contents.tensors.size(), 2u);
}

TEST_F(SplitGguf, AMissingPartIsNamed) {
  for (const int gone : {2, 1}) {
    std::filesystem::remove(path(gone));
    const Error error = refusal();
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_EQ(error.place(), path(gone));
    EXPECT_NE(error.problem().find("part " + std::to_string(gone + 1) + " of 3"),
              std::string::npos);
  }
  EXPECT_EQ(open(path(0), GgufParts::first).contents.text("general.architecture"), "small");
  write(1, 1, 3, 5);
  std::filesystem::remove(path(0));
  EXPECT_EQ(thrown_by([&] { open(path(1), GgufParts::first); }).place(), path(0));
}

TEST_F(SplitGguf, MetadataIsInTheFirstPart) {
  for (int no = 0; no < 3; ++no) {
    const GgufModel first = open(path(no), GgufParts::first);
    EXPECT_EQ(first.contents.text("general.architecture"), "small");
    EXPECT_EQ(first.contents.tensors.size(), 2u);
  }
}

TEST_F(SplitGguf, PartsThatDoNotBelongTogetherAreRefused) {
  const auto expect = [&](const std::string& place, const std::string& problem) {
    const Error error = refusal();
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_EQ(error.place(), place);
    EXPECT_NE(error.problem().find(problem), std::string::npos) << error.problem();
  };
  write(1, 2, 3, 5);
  expect(path(1), "is part 3 of 3 of a model of 5 tensors; part 2 of 3");
  write(1, 1, 4, 5);
  expect(path(1), "is part 2 of 4");
  write(1, 1, 3, 6);
  expect(path(1), "of a model of 6 tensors");
  write_gguf(path(1), part(1));
  expect(path(1), "is part 1 of 1");
  std::filesystem::copy_file(path(2), path(1), std::filesystem::copy_options::overwrite_existing);
  expect(path(1), "is part 3 of 3");
  for (int no = 0; no < 3; ++no) write(no, no, 3, 4);
  expect(path(0), "3 parts hold 5 tensors, split.tensors.count says 4");
  for (int no = 0; no < 3; ++no) write(no, no, 3, 5);
  Gguf twice = part(0);
  twice.metadata = {{"split.no", std::uint16_t{1}},
                    {"split.count", std::uint16_t{3}},
                    {"split.tensors.count", std::int32_t{5}}};
  write_gguf(path(1), twice);
  expect(path(1), "tensor 't0' is in another part too");
}

TEST_F(SplitGguf, NumbersThatNoSplitHasAreRefused) {
  const auto refused = [&](const std::vector<std::pair<std::string, GgufValue>>& metadata) {
    Gguf file = part(0);
    file.metadata = metadata;
    write_gguf(path(0), file);
    const Error error = refusal();
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_EQ(error.place(), path(0));
    return error.problem();
  };
  const std::pair<std::string, GgufValue> no{"split.no", std::int32_t{3}},
      below{"split.no", std::int32_t{-1}}, first{"split.no", std::int32_t{0}},
      count{"split.count", std::int32_t{3}}, many{"split.count", std::int64_t{1} << 40},
      tensors{"split.tensors.count", std::int32_t{5}},
      less{"split.tensors.count", std::int32_t{-5}};
  EXPECT_NE(refused({no, count, tensors}).find("no split has them"), std::string::npos);
  EXPECT_NE(refused({below, count, tensors}).find("no split has them"), std::string::npos);
  EXPECT_NE(refused({first, many, tensors}).find("no split has them"), std::string::npos);
  EXPECT_NE(refused({first, count, less}).find("no split has them"), std::string::npos);
  EXPECT_NE(refused({count, tensors}).find("split.no"), std::string::npos);
  EXPECT_NE(refused({first, count}).find("split.tensors.count"), std::string::npos);
  EXPECT_NE(refused({first, {"split.count", std::string("three")}, tensors}).find("split.count"),
            std::string::npos);
}

TEST_F(SplitGguf, APartOfAnotherNameIsRefused) {
  const std::string other = folder_ + "/renamed.gguf";
  std::filesystem::copy_file(path(0), other);
  const Error error = thrown_by([&] { open(other); });
  EXPECT_EQ(error.place(), other);
  EXPECT_NE(error.problem().find("does not end in -00001-of-00003.gguf"), std::string::npos)
      << error.problem();
  EXPECT_NO_THROW(open(other, GgufParts::first));
}

}  // namespace
}  // namespace pliant
