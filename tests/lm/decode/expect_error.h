// An action must end in an Error of a kind, with words in its message.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "core/error.h"

namespace pliant::lm {

template <typename Action>
void expect_error(ErrorKind kind, std::string_view words, Action&& action) {
  try {
    action();
    FAIL() << "no error: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(words), std::string_view::npos)
        << error.what() << "\n"
        << words;
  }
}

}  // namespace pliant::lm
