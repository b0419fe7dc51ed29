#include "data/images/folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/files.h"
#include "errors.h"
#include "image/tiny_png.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

// A new folder per test.
class Folders : public testing::Test {
 protected:
  Folders()
      : root_(testing::TempDir() + "image_folder_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~Folders() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& bytes = png) const {
    const fs::path full = fs::path(root_) / path;
    fs::create_directories(full.parent_path());
    write_file(full.string(), bytes);
  }
  std::string refusal() const {
    return error_of([&] { ImageFolder set(root_); });
  }

  std::string root_;
};

TEST_F(Folders, HoldAClassEachInTheOrderOfNames) {
  put("dogs/2.png");
  put("cats/b.png");
  put("cats/a.png");
  put(".hidden/a.png");
  put("cats/.hidden", "no image");
  const ImageFolder set(root_);
  EXPECT_EQ(set.classes(), (std::vector<std::string>{"cats", "dogs"}));
  ASSERT_EQ(set.size(), 3);
  EXPECT_EQ(set.at(1).label, 0);
  EXPECT_EQ(set.at(2).label, 1);
  EXPECT_EQ(set.at(2).image, (Image{2, 1, {255, 0, 0, 0, 0, 255}}));
}

TEST_F(Folders, BrokenImagesAreNamedAndLeftOutOnRequestAlone) {
  put("cats/a.png");
  put("cats/b.png", "no image");
  const ImageFolder all(root_);
  EXPECT_EQ(all.size(), 2);
  const std::string problem = root_ + "/cats/b.png: is not a JPEG, PNG or WebP image";
  EXPECT_EQ(error_of([&] { all.at(1); }), problem);
  const ImageFolder good(root_, Broken::leave_out);
  EXPECT_EQ(good.size(), 1);
  EXPECT_EQ(good.left_out(), std::vector<std::string>{problem});
}

TEST_F(Folders, WithoutClassesOrImagesAreRefused) {
  EXPECT_EQ(refusal(), root_ + ": is empty (images lie in a folder per class)");
  put("cats/.hidden");
  EXPECT_EQ(refusal(), root_ + "/cats: holds no image (remove it, or fill it)");
  EXPECT_EQ(error_of([&] { ImageFolder set(root_ + "/nowhere"); }),
            root_ + "/nowhere: is no folder (name one that holds a folder per class)");
}

TEST_F(Folders, ThatAreMixedAreRefused) {
  put("cats/a.png");
  put("stray.png");
  EXPECT_EQ(refusal(), root_ +
                           "/stray.png: lies beside the folders of classes (put it into that "
                           "of its class)");
  fs::remove(root_ + "/stray.png");
  put("cats/kittens/a.png");
  EXPECT_EQ(refusal(), root_ +
                           "/cats/kittens: is a folder inside that of a class (classes have no "
                           "classes of their own)");
}

}  // namespace
}  // namespace pliant::data
