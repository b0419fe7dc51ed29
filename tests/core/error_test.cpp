#include "core/error.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>

namespace pliant {
namespace {

TEST(Error, NamesPlaceProblemAndNextStep) {
  const Error error(ErrorKind::format, "a.onnx+12", "bad tag 7", "export again");
  EXPECT_STREQ(error.what(), "a.onnx+12: bad tag 7 (export again)");
  EXPECT_EQ(name(error.kind()), "format");
}

TEST(Error, WithoutPlaceOrNextStepIsTheProblemAlone) {
  EXPECT_STREQ(Error(ErrorKind::io, "", "disk full").what(), "disk full");
}

template <typename E>
Error caught(const E& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return current_error();
  }
}

TEST(Error, EveryExceptionBecomesOne) {
  const Error own = caught(Error(ErrorKind::format, "a", "b", "c"));
  EXPECT_EQ(own.kind(), ErrorKind::format);
  EXPECT_STREQ(own.what(), "a: b (c)");
  EXPECT_STREQ(caught(std::bad_alloc()).what(), "memory: the system gave no more");
  EXPECT_EQ(caught(std::bad_alloc()).kind(), ErrorKind::capacity);
  const std::error_code denied = make_error_code(std::errc::permission_denied);
  EXPECT_STREQ(caught(std::filesystem::filesystem_error("status", "/x", denied)).what(),
               "/x: Permission denied");
  EXPECT_STREQ(caught(std::system_error(denied)).what(), "system: Permission denied");
  EXPECT_EQ(caught(std::system_error(denied)).kind(), ErrorKind::io);
  const Error internal = caught(std::length_error("vector::reserve"));
  EXPECT_EQ(internal.kind(), ErrorKind::internal);
  EXPECT_EQ(internal.problem(), "vector::reserve");
  EXPECT_EQ(caught(7).kind(), ErrorKind::internal);
}

}  // namespace
}  // namespace pliant
