#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#define ONNX_NAMESPACE onnx
#include "formats/onnx/checker.h"

#include <onnx/checker.h>

#include <exception>

namespace pliant {

std::string checker_complaint(const std::string& bytes) {
  ::onnx::ModelProto model;
  if (!model.ParseFromString(bytes)) return "does not parse";
  try {
    ::onnx::checker::check_model(model);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace pliant
