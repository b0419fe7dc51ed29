// A TFLite file read and evaluated by plain loops: shares nothing with the writer but the schema's
// numbers.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "formats/tflite/schema.h"

namespace pliant::tflite {

// Rows of values by name; every type is held in f64.
struct Interpreted {
  std::vector<std::string> output_names;
  std::vector<Shape> shapes;
  std::vector<std::vector<double>> outputs;
  std::vector<Code> codes;  // of the operators, in order
};

// Inputs in the file's order and layout. Throws std::runtime_error for what it does not know.
Interpreted interpret(const std::string& file, const std::vector<std::vector<double>>& inputs);

}  // namespace pliant::tflite
