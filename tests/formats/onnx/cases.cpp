#include "formats/onnx/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/files.h"
#include "formats/onnx/file/model.h"

namespace pliant {

namespace fs = std::filesystem;

std::vector<OnnxCase> onnx_cases(const std::string& root) {
  std::vector<OnnxCase> cases;
  if (!fs::is_directory(root)) return cases;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (!fs::exists(entry.path() / "model.onnx")) continue;
    OnnxCase each{entry.path().filename().string(), entry.path().string(), {}};
    for (const auto& set : fs::directory_iterator(entry.path()))
      if (set.is_directory()) each.data_sets.push_back(set.path().string());
    std::sort(each.data_sets.begin(), each.data_sets.end());
    cases.push_back(std::move(each));
  }
  std::sort(cases.begin(), cases.end(),
            [](const OnnxCase& a, const OnnxCase& b) { return a.name < b.name; });
  return cases;
}

std::vector<Tensor> numbered_tensors(const std::string& folder, const std::string& stem) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const std::string path = fmt::format("{}/{}_{}.pb", folder, stem, i);
    if (!fs::exists(path)) return tensors;
    tensors.push_back(onnx::parse_tensor(read_file(path), path));
  }
}

namespace {

bool close(const TensorView& got, const TensorView& want, std::int64_t i,
           const Tolerance& tolerance) {
  if (!is_float(want.type.dtype)) return get_int(got, i) == get_int(want, i);
  const double a = get(got, i), b = get(want, i);
  if (std::isnan(b)) return std::isnan(a);
  if (std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance.absolute + tolerance.relative * std::abs(b);
}

}  // namespace

std::string difference(const TensorView& got, const TensorView& want, const Tolerance& tolerance) {
  if (got.type != want.type)
    return fmt::format("{} instead of {}", to_string(got.type), to_string(want.type));
  for (std::int64_t i = 0; i < elements(want.type.shape); ++i)
    if (!close(got, want, i, tolerance))
      return fmt::format("element {} is {} instead of {}", i, get(got, i), get(want, i));
  return "";
}

}  // namespace pliant
