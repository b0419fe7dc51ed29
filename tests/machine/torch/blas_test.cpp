#include "machine/torch/blas.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pliant::aten {
namespace {

TEST(BlasCore, IsLeftToWhoChoseIt) {
  setenv("OPENBLAS_CORETYPE", "Zen", 1);
  EXPECT_EQ(better_blas_core(), std::nullopt);
  unsetenv("OPENBLAS_CORETYPE");
  const std::string core = better_blas_core().value_or("Haswell");
  EXPECT_TRUE(core == "SkylakeX" || core == "Haswell") << core;
}

}  // namespace
}  // namespace pliant::aten
