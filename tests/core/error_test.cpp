#include "core/error.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace pliant
