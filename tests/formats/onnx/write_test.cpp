// What is written is valid ONNX by ONNX's own checker, and reads back to a graph with the same
// results.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "formats/onnx/cases.h"
#include "formats/onnx/checker.h"
#include "formats/onnx/export/write.h"
#include "formats/onnx/onnx.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

std::vector<Tensor> results(const Graph& graph, const WeightStore& weights,
                            const std::vector<Tensor>& inputs) {
  ThreadPool pool(2);
  return evaluate(graph, weights, views_of(inputs), pool);
}

// "" when the graph and what comes back from ONNX give the same outputs.
std::string round_trip_difference(const Graph& graph, const WeightStore& weights,
                                  const std::vector<Tensor>& inputs, const Tolerance& tolerance) {
  const std::string bytes = write_onnx(graph, weights);
  if (const auto complaint = checker_complaint(bytes); !complaint.empty()) return complaint;
  const OnnxModel back = parse_onnx(bytes, {}, "written");
  if (back.graph.inputs().size() != inputs.size()) return "other inputs";
  const auto want = results(graph, weights, inputs),
             got = results(back.graph, back.weights, inputs);
  if (want.size() != got.size()) return "other outputs";
  for (std::size_t i = 0; i < want.size(); ++i)
    if (auto text = difference(got[i].view(), want[i].view(), tolerance); !text.empty())
      return fmt::format("output {} ('{}'): {}", i, graph.output_names()[i], text);
  return "";
}

TEST(WriteOnnx, RandomGraphsComeBackWithEqualResults) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed, 77);
    RandomGraphOptions options;
    options.rows = seed % 5 == 4 ? 6 : 0;
    const Graph graph = random_graph(rng, options);
    const WeightStore weights = random_weight_store(graph, rng);
    const auto inputs = random_inputs(graph, rng);
    try {
      ASSERT_EQ(round_trip_difference(graph, weights, inputs, {1e-3, 1e-4}), "") << "seed " << seed;
    } catch (const Error& e) {
      FAIL() << "seed " << seed << ": " << e.what();
    }
  }
}

// ONNX crops after it pads, so a tensor stands between that must have a size of its own.
TEST(WriteOnnx, RefusesAPadThatIsTooLargeBeforeItsCrop) {
  constexpr std::int64_t far = std::int64_t{1} << 60;
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 8}});
  b.output(b.pad(x, {.low = {far, 0}, .high = {0, -7}, .interior = {0, 0}}), "y");
  EXPECT_THROW(write_onnx(b.finish(), {}), Error);
}

TEST(WriteOnnx, KeepsOpaqueOperatorsWithTheirAttributes) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 8}});
  kind::Opaque odd{"com.test",
                   "Odd",
                   R"({"absent":[1],"attributes":{"k":{"integers":[1,2]},"s":{"text":"a"}}})",
                   {{DType::f32, {3}}}};
  b.output(b.add(odd, {x, x}, "odd")[0], "y");
  const Graph graph = b.finish();
  const OnnxModel back = parse_onnx(write_onnx(graph, {}), {}, "written");
  ASSERT_EQ(back.graph.ops().size(), 1U);
  EXPECT_EQ(std::get<kind::Opaque>(back.graph.op(OpId{0}).kind), odd);
  EXPECT_EQ(back.opaque.size(), 1U);
}

TEST(WriteOnnx, PutsLargeWeightsBesideTheFile) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("pliant-onnx-{}", ::getpid());
  std::filesystem::create_directories(folder);
  Builder b;
  b.output(b.map(argument(0) + argument(1),
                 {b.input("x", {DType::f32, {3}}), b.weight("w", {DType::f32, {3}})}),
           "y");
  const Graph graph = b.finish();
  WeightStore weights;
  weights.add("w", Tensor::of(DType::f32, {3}, {1, 2, 3}));
  const std::string path = (folder / "model.onnx").string();
  write_onnx_file(path, graph, weights, 4);
  EXPECT_EQ(std::filesystem::file_size(path + ".data"), 12U);
  const OnnxModel back = read_onnx(path);
  EXPECT_EQ(difference(decode(back.weights.at("w")).view(),
                       Tensor::of(DType::f32, {3}, {1, 2, 3}).view()),
            "");
  std::filesystem::resize_file(path + ".data", 8);
  EXPECT_THROW(read_onnx(path), Error);
  std::filesystem::remove(path + ".data");
  EXPECT_THROW(read_onnx(path), Error);
  OnnxOptions without;
  without.missing_weights = true;
  EXPECT_EQ(read_onnx(path, without).missing, std::vector<std::string>{"w"});
  std::filesystem::remove_all(folder);
}

class WrittenNetworks : public testing::TestWithParam<const char*> {};

TEST_P(WrittenNetworks, ComeBackWithEqualResults) {
  const char* root = std::getenv("PLIANT_DATA");
  if (!root) GTEST_SKIP() << "PLIANT_DATA is not set";
  const OnnxModel model = read_onnx(std::string(root) + "/graphs/" + GetParam());
  Rng rng(1);
  const auto inputs = random_inputs(model.graph, rng);
  EXPECT_EQ(
      round_trip_difference(model.graph, random_weights(model.graph, 1), inputs, {1e-3, 1e-5}), "");
}

INSTANTIATE_TEST_SUITE_P(Published, WrittenNetworks,
                         testing::Values("onnx-light/light_squeezenet.onnx",
                                         "onnx-models/version-RFB-320.onnx"));

}  // namespace
}  // namespace pliant
