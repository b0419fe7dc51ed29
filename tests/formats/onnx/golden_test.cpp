// Outputs of another runtime (golden/onnxruntime/README.md) for networks whose weights are
// random_weights(graph, 1). With PLIANT_GOLDEN_EXPORT=FOLDER the models and inputs are written
// there instead, for make.py.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/files.h"
#include "formats/npy/npy.h"
#include "formats/onnx/export/write.h"
#include "formats/onnx/onnx.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

constexpr std::uint64_t seed = 1;

struct Golden {
  const char *name, *file;
  bool own_weights;
};

Tensor read_npy(const std::string& path) {
  const MappedFile file(path);
  return tensor_from_npy(file.bytes(), path);
}

double deviation(const TensorView& x) {
  double sum = 0, squares = 0;
  const auto count = elements(x.type.shape);
  for (std::int64_t i = 0; i < count; ++i) sum += get(x, i), squares += get(x, i) * get(x, i);
  const double mean = sum / static_cast<double>(count);
  return std::sqrt(squares / static_cast<double>(count) - mean * mean);
}

void export_all(const std::string& folder, const std::string& name, const OnnxModel& model,
                const std::vector<Tensor>& inputs) {
  write_onnx_file(fmt::format("{}/{}.onnx", folder, name), model.graph, model.weights);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    write_file(fmt::format("{}/{}_input_{}.npy", folder, name, i), npy_bytes(inputs[i].view()));
}

class OnnxRuntimeGolden : public testing::TestWithParam<Golden> {};

TEST_P(OnnxRuntimeGolden, TheReferenceGivesTheSameOutputs) {
  const char *root = std::getenv("PLIANT_DATA"), *folder = std::getenv("PLIANT_GOLDEN_EXPORT");
  if (!root) GTEST_SKIP() << "PLIANT_DATA is not set";
  OnnxModel model = read_onnx(std::string(root) + "/graphs/" + GetParam().file);
  if (!GetParam().own_weights) model.weights = random_weights(model.graph, seed);
  Rng rng(seed);
  const auto inputs = random_inputs(model.graph, rng);
  if (folder) return export_all(folder, GetParam().name, model, inputs);
  ThreadPool pool(2);
  const auto got = evaluate(model.graph, model.weights, views_of(inputs), pool);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Tensor want =
        read_npy(fmt::format("golden/onnxruntime/{}_output_{}.npy", GetParam().name, i));
    ASSERT_EQ(got[i].type(), want.type());
    const double allowed = 1e-4 * deviation(want.view());
    double worst = 0;
    for (std::int64_t k = 0; k < elements(want.type().shape); ++k)
      worst = std::max(worst, std::abs(get(got[i].view(), k) - get(want.view(), k)));
    fmt::print("{} output {}: largest difference {:.2e} of the standard deviation\n",
               GetParam().name, i, worst / (allowed * 1e4));
    EXPECT_LE(worst, allowed);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, OnnxRuntimeGolden,
    testing::Values(Golden{"rfb320", "onnx-models/version-RFB-320.onnx", true},
                    Golden{"squeezenet", "onnx-light/light_squeezenet.onnx", false},
                    Golden{"inception_v1", "onnx-light/light_inception_v1.onnx", false},
                    Golden{"densenet121", "onnx-light/light_densenet121.onnx", false}),
    [](const auto& each) { return std::string(each.param.name); });

// For checks by hand: random graphs with inputs and outputs, to be run by another runtime.
TEST(OnnxRuntimeExport, ExportsRandomGraphs) {
  const char* folder = std::getenv("PLIANT_GOLDEN_EXPORT");
  if (!folder) GTEST_SKIP() << "PLIANT_GOLDEN_EXPORT is not set";
  for (std::uint64_t k = 0; k < 300; ++k) {
    Rng rng(k, 77);
    OnnxModel model{random_graph(rng), {}, 17, {}, {}};
    model.weights = random_weight_store(model.graph, rng);
    const auto inputs = random_inputs(model.graph, rng);
    const std::string name = fmt::format("random_{}", k);
    export_all(folder, name, model, inputs);
    ThreadPool pool(1);
    const auto outputs = evaluate(model.graph, model.weights, views_of(inputs), pool);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      write_file(fmt::format("{}/{}_want_{}.npy", folder, name, i), npy_bytes(outputs[i].view()));
  }
}

}  // namespace
}  // namespace pliant
