// ONNX's own test cases: a folder with model.onnx and test_data_set_*/input_*.pb, output_*.pb.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"

namespace pliant {

struct OnnxCase {
  std::string name, folder;
  std::vector<std::string> data_sets;  // folders
};

// sorted by name; empty if the folder does not exist
std::vector<OnnxCase> onnx_cases(const std::string& root);
// input_0.pb, input_1.pb ... (stem "input") until one is missing; throws Error for files that are
// no tensors
std::vector<Tensor> numbered_tensors(const std::string& folder, const std::string& stem);

struct Tolerance {
  double relative = 1e-3, absolute = 1e-5;  // for floats; integers and bool must be equal
};
// "" when equal within the tolerance, else what differs.
std::string difference(const TensorView& got, const TensorView& want,
                       const Tolerance& tolerance = {});

}  // namespace pliant
