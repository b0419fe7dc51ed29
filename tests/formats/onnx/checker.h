// ONNX's own checker, as an oracle.
#pragma once

#include <string>

namespace pliant {

std::string checker_complaint(const std::string& bytes);  // "" for a valid model

}  // namespace pliant
