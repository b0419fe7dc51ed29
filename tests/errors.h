// What an action throws, as tests look at it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace pliant {

// The Error; a failure if there is none.
template <typename Action>
Error thrown_by(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::io, "", "nothing was thrown");
}

// What the Error says, or "accepted".
template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace pliant
