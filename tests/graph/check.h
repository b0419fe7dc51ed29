// Shared by the graph tests: short type names and the text of an error.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "core/tensor.h"

namespace pliant {

inline TensorType f32(Shape shape) { return {DType::f32, std::move(shape)}; }
inline TensorType i32(Shape shape) { return {DType::i32, std::move(shape)}; }

// What the Error that `body` throws says, or "accepted".
template <typename Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace pliant
