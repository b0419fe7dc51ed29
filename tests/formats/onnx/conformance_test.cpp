// Every node case of ONNX's own test data whose operators map fully must give the published
// outputs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "formats/onnx/cases.h"
#include "formats/onnx/file/model.h"
#include "formats/onnx/onnx.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

constexpr const char* case_root = "/usr/share/libonnx-testdata/data/node";

struct Outcome {
  bool mapped = false;
  std::string problem;  // why it did not map, or what went wrong
};

// The published files write bf16 as u16.
Tensor as_declared(Tensor tensor, DType declared) {
  if (declared != DType::bf16 || tensor.type().dtype != DType::u16) return tensor;
  Tensor bits({DType::bf16, tensor.type().shape});
  for (std::int64_t i = 0; i < elements(bits.type().shape); ++i)
    bits.view().as<std::uint16_t>()[i] = tensor.view().as<std::uint16_t>()[i];
  return bits;
}

struct Inputs {
  std::vector<std::string> names;
  std::map<std::string, Tensor> tensors;
};

Inputs inputs_of(const OnnxCase& each, const std::string& folder) {
  Inputs inputs;
  const auto model =
      onnx::parse_model(read_file(each.folder + "/model.onnx"), each.folder, each.name);
  auto tensors = numbered_tensors(folder, "input");
  for (std::size_t i = 0; i < tensors.size() && i < model.graph.inputs.size(); ++i) {
    const auto& info = model.graph.inputs[i];
    inputs.names.push_back(info.name);
    // four cases; only the type matters there
    if (info.dims && info.dims->size() != tensors[i].type().shape.size()) {
      Shape declared;
      for (const auto& dim : *info.dims) declared.push_back(dim.size);
      tensors[i] = Tensor({*info.dtype, declared});
    }
    inputs.tensors[info.name] = as_declared(std::move(tensors[i]), info.dtype.value_or(DType::f32));
  }
  return inputs;
}

// The published bf16 are cut, ours are rounded.
Tolerance tolerance_of(DType dtype) {
  return dtype == DType::bf16 ? Tolerance{0.01, 1e-5} : Tolerance{};
}

// Quotients that lie halfway between two steps in f32 may round the other way in f64.
std::string compare(const TensorView& got, const TensorView& want, bool quantised) {
  if (!quantised || got.type != want.type || got.type.dtype != DType::u8)
    return difference(got, want, tolerance_of(want.type.dtype));
  for (std::int64_t i = 0; i < elements(want.type.shape); ++i)
    if (std::abs(get_int(got, i) - get_int(want, i)) > 1) return difference(got, want);
  return "";
}

std::string run_data_set(const OnnxModel& model, const Inputs& inputs, const OnnxCase& each,
                         const std::string& folder) {
  std::vector<TensorView> views;
  for (ValueId id : model.graph.inputs())
    views.push_back(inputs.tensors.at(model.graph.value(id).name).view());
  ThreadPool pool(1);
  const auto got = evaluate(model.graph, model.weights, views, pool);
  auto wanted = numbered_tensors(folder, "output");
  if (got.size() != wanted.size())
    return fmt::format("{} outputs instead of {}", got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Tensor want = as_declared(std::move(wanted[i]), got[i].type().dtype);
    const auto text =
        compare(got[i].view(), want.view(), each.name.find("quantizelinear") != std::string::npos);
    if (!text.empty()) return fmt::format("output {}: {}", i, text);
  }
  return "";
}

// Sequences, optional values and strings are refused before their data files are looked at.
void check_inputs(const OnnxCase& each) {
  const auto model =
      onnx::parse_model(read_file(each.folder + "/model.onnx"), each.folder, each.name);
  for (const auto& info : model.graph.inputs)
    if (!info.dtype)
      throw Error(ErrorKind::unsupported, each.name, "an input is no tensor of numbers");
}

// Reads the model with the inputs from number `first_fixed` on as constants.
Outcome run_with(const OnnxCase& each, std::size_t first_fixed) {
  Outcome outcome;
  try {
    check_inputs(each);
    for (const auto& set : each.data_sets) {
      const Inputs inputs = inputs_of(each, set);
      OnnxOptions options;
      for (std::size_t i = 0; i < inputs.names.size() && i < first_fixed;
           ++i)  // what files declare is not always right
        options.shapes[inputs.names[i]] = inputs.tensors.at(inputs.names[i]).type().shape;
      for (std::size_t i = first_fixed; i < inputs.names.size(); ++i)
        options.fixed[inputs.names[i]] =
            std::make_shared<const Tensor>(inputs.tensors.at(inputs.names[i]).copy());
      const OnnxModel model = read_onnx(each.folder + "/model.onnx", options);
      if (!model.opaque.empty()) return {false, model.opaque[0]};
      outcome.mapped = true;
      if (outcome.problem.empty()) outcome.problem = run_data_set(model, inputs, each, set);
    }
  } catch (const Error& e) {
    return {e.kind() != ErrorKind::unsupported, e.what()};
  }
  return outcome;
}

// Many cases give axes, shapes and modes as inputs. A graph has fixed shapes: those inputs are
// fixed then.
Outcome run_case(const OnnxCase& each) {
  Outcome outcome;
  for (const std::size_t first_fixed : {std::size_t{99}, std::size_t{1}, std::size_t{0}}) {
    outcome = run_with(each, first_fixed);
    if (outcome.mapped || outcome.problem.find("run time") == std::string::npos) break;
  }
  return outcome;
}

TEST(Conformance, NodeCasesGiveThePublishedOutputs) {
  const auto cases = onnx_cases(case_root);
  if (cases.empty()) GTEST_SKIP() << "libonnx-testdata is not installed";
  const bool verbose = std::getenv("PLIANT_ONNX_CASES") != nullptr;
  int mapped = 0, passed = 0;
  for (const auto& each : cases) {
    const Outcome outcome = run_case(each);
    mapped += outcome.mapped;
    passed += outcome.mapped && outcome.problem.empty();
    if (outcome.mapped) EXPECT_EQ(outcome.problem, "") << each.name;
    else if (verbose) fmt::print("not mapped: {}: {}\n", each.name, outcome.problem);
  }
  fmt::print("onnx node cases: {} of {} map, {} pass\n", mapped, cases.size(), passed);
  EXPECT_GE(mapped, 768);
}

}  // namespace
}  // namespace pliant
