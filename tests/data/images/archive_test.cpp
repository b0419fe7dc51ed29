#include "data/images/archive.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/files.h"
#include "errors.h"
#include "image/tiny_png.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

using Members = std::vector<std::pair<std::string, std::string>>;

std::string tar_of(const Members& members) {
  std::string tar;
  for (const auto& [name, bytes] : members) {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) {
      header.replace(at, text.size(), text);
    };
    const auto octal = [](std::size_t value) {
      char text[13];
      std::snprintf(text, sizeof text, "%011zo", value);
      return std::string(text);
    };
    put(0, name);
    put(100, "0000644");
    put(124, octal(bytes.size()));
    put(136, octal(0));
    put(148, "        ");
    put(156, "0");
    put(257, std::string("ustar\0"
                         "00",
                         8));
    std::size_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    char checksum[8];
    std::snprintf(checksum, sizeof checksum, "%06zo", sum);
    put(148, checksum);
    tar += header + bytes;
    tar.resize((tar.size() + 511) / 512 * 512);
  }
  return tar + std::string(1024, '\0');
}

std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
  }
  return ~crc;
}

// Members as they are.
std::string zip_of(const Members& members) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
    return text;
  };
  std::string zip, directory;
  for (const auto& [name, bytes] : members) {
    const std::string common = number(20, 2) + number(0, 8) + number(crc32(bytes), 4) +
                               number(bytes.size(), 4) + number(bytes.size(), 4) +
                               number(name.size(), 2) + number(0, 2);
    directory += "PK\1\2" + number(20, 2) + common + number(0, 2) + number(0, 4) + number(0, 4) +
                 number(zip.size(), 4) + name;
    zip += "PK\3\4" + common + name + bytes;
  }
  return zip + directory + "PK\5\6" + number(0, 4) + number(members.size(), 2) +
         number(members.size(), 2) + number(directory.size(), 4) + number(zip.size(), 4) +
         number(0, 2);
}

class Archives : public testing::Test {
 protected:
  Archives()
      : path_(testing::TempDir() + "image_archive_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {}
  ~Archives() override { fs::remove_all(path_); }
  std::string refusal(const std::string& bytes) const {
    write_file(path_, bytes);
    return error_of([&] { ImageArchive set(path_); });
  }
  std::string path_;
};

TEST_F(Archives, AreTheSetThatTheirFolderIs) {
  const Members members{{"set/", ""},
                        {"set/dogs/2.png", png},
                        {"set/cats/b.png", png},
                        {"set/cats/a.png", png},
                        {"set/cats/.hidden", "no image"},
                        {"__MACOSX/set/cats/._a.png", "no image"}};
  const Members files(members.begin() + 1, members.end());
  for (const std::string& bytes : {tar_of(files), zip_of(members)}) {
    write_file(path_, bytes);
    const ImageArchive set(path_);
    EXPECT_EQ(set.classes(), (std::vector<std::string>{"cats", "dogs"}));
    ASSERT_EQ(set.size(), 3);
    EXPECT_EQ(set.at(1).label, 0);
    EXPECT_EQ(set.at(2).label, 1);
    EXPECT_EQ(set.at(2).image, (Image{2, 1, {255, 0, 0, 0, 0, 255}}));
  }
}

TEST_F(Archives, BrokenImagesAreNamedAndLeftOutOnRequestAlone) {
  write_file(path_, tar_of({{"cats/a.png", png}, {"cats/b.png", "no image"}}));
  const ImageArchive all(path_);
  EXPECT_EQ(all.size(), 2);
  const std::string problem = path_ + ": cats/b.png: is not a JPEG, PNG or WebP image";
  EXPECT_EQ(error_of([&] { all.at(1); }), problem);
  const ImageArchive good(path_, Broken::leave_out);
  EXPECT_EQ(good.size(), 1);
  EXPECT_EQ(good.left_out(), std::vector<std::string>{problem});
}

TEST_F(Archives, MembersInWrongPlacesAreNamed) {
  const std::string next = " (each image lies in the folder of its class)";
  EXPECT_EQ(refusal(tar_of({{"a.png", png}, {"cats/a.png", png}})),
            path_ + ": a.png: lies beside the folders of classes" + next);
  EXPECT_EQ(refusal(tar_of({{"cats/a.png", png}, {"cats/old/a.png", png}})),
            path_ + ": cats/old/a.png: lies in a folder inside that of a class" + next);
  EXPECT_EQ(refusal(zip_of({{"cats/a.png", png}, {"./cats/a.png", png}})),
            path_ + ": ./cats/a.png: stands there twice");
  EXPECT_EQ(refusal(tar_of({})), path_ + ": holds no image (images lie in a folder per class)");
  EXPECT_NE(refusal("some text").find("is no archive"), std::string::npos);
}

TEST_F(Archives, DamageIsAnError) {
  const std::string zip = zip_of({{"cats/a.png", png}, {"cats/b.png", png}}),
                    tar = tar_of({{"cats/a.png", png}, {"cats/b.png", png}});
  EXPECT_NE(refusal(zip.substr(0, 60)), "");
  EXPECT_NE(refusal(tar.substr(0, 700)), "");
}

}  // namespace
}  // namespace pliant::data
