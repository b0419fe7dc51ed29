// What the CKKS tests look at errors with.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "errors.h"
#include "machine/encrypted/ckks/sets.h"

namespace pliant::ckks {

inline void says(const std::string& error, const std::string& part) {
  EXPECT_NE(error.find(part), std::string::npos) << error;
}

}  // namespace pliant::ckks
