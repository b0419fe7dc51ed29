// Real networks on the native machine: every tensor on the way agrees with the reference evaluator
// to 1e-4 of its standard deviation, operator by operator and with groups fused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/files.h"
#include "core/rng.h"
#include "formats/npy/npy.h"
#include "formats/onnx/onnx.h"
#include "graph/passes/passes.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "machine/native/native.h"
#include "machine/run_once.h"
#include "machine/scratchpad/scratchpad.h"

namespace pliant {
namespace {

using Tensors = std::map<std::string, Tensor>;  // by value name

std::vector<Tensor> images(const Graph& graph) {
  std::vector<Tensor> inputs;
  Rng rng(1);
  for (const ValueId id : graph.inputs()) {
    inputs.emplace_back(graph.value(id).type);
    fill_normal(inputs.back().view(), rng, 1);
  }
  return inputs;
}

Tensors oracle(const Graph& graph, const WeightStore& weights, const std::vector<Tensor>& inputs,
               ThreadPool& pool) {
  Tensors result;
  EvaluateOptions options;
  options.observe = [&](ValueId id, const TensorView& view) {
    Tensor copy(view.type);
    std::copy_n(view.data, copy.raw().size(), copy.view().data);
    result.emplace(graph.value(id).name, std::move(copy));
  };
  evaluate(graph, weights, views_of(inputs), pool, options);
  return result;
}

Tensors native_run(const Graph& graph, const WeightStore& weights,
                   const std::vector<Tensor>& inputs, const native::Options& options,
                   ThreadPool& pool) {
  native::Machine machine(pool, options);
  std::vector<Tensor> outputs =
      run_once(machine, std::make_shared<Graph>(graph), std::make_shared<WeightStore>(weights),
               views_of(inputs), pool);
  Tensors result;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    result.emplace(graph.value(graph.outputs()[i]).name, std::move(outputs[i]));
  return result;
}

double standard_deviation(const Tensor& x) {
  const std::int64_t n = elements(x.type().shape);
  double sum = 0, squares = 0, largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = get(x.view(), i);
    sum += value;
    squares += value * value;
    largest = std::max(largest, std::abs(value));
  }
  const double mean = sum / static_cast<double>(n);
  return std::max(std::sqrt(std::max(squares / static_cast<double>(n) - mean * mean, 0.0)),
                  1e-3 * largest);
}

// The largest difference over all tensors, each in standard deviations of its own.
double worst(const Tensors& got, const Tensors& wanted) {
  double result = 0;
  for (const auto& [name, tensor] : got) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) continue;  // an input or weight
    const Tensor& right = found->second;
    const double scale = standard_deviation(right);
    double difference = 0;
    for (std::int64_t i = 0; i < elements(right.type().shape); ++i) {
      const double each = std::abs(get(tensor.view(), i) - get(right.view(), i));
      difference = std::isnan(each) ? HUGE_VAL : std::max(difference, each);
    }
    if (difference == 0) continue;
    EXPECT_LE(difference, 1e-4 * scale) << name << " " << to_string(right.type());
    result = std::max(result, difference / scale);
  }
  return result;
}

std::vector<ValueId> results(const Graph& graph) {
  std::vector<ValueId> ids;
  for (const ValueId id : graph.values().ids())
    if (graph.value(id).role == Role::result) ids.push_back(id);
  return ids;
}

std::vector<ValueId> results_of_groups(const Graph& graph) {
  std::vector<ValueId> ids;
  for (const Group& group : groups(graph))
    for (const ValueId id : group_outputs(graph, group)) ids.push_back(id);
  return ids;
}

void check(const std::string& file, bool own_weights) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const OnnxModel model = read_onnx(std::string(data) + "/graphs/" + file);
  const WeightStore weights = own_weights ? model.weights : random_weights(model.graph, 1);
  const std::vector<Tensor> inputs = images(model.graph);
  ThreadPool pool(std::min(default_threads(), 2));
  const Tensors wanted = oracle(model.graph, weights, inputs, pool);
  const Graph every = observe(model.graph, results(model.graph), Statistic::value);
  const Graph grouped = observe(model.graph, results_of_groups(model.graph), Statistic::value);
  const double plain = worst(native_run(every, weights, inputs, {.fuse = false}, pool), wanted);
  const double fused = worst(native_run(grouped, weights, inputs, {}, pool), wanted);
  // nothing observed: the real arena
  const Tensors last = native_run(model.graph, weights, inputs, {}, pool);
  worst(last, wanted);
  ::testing::Test::RecordProperty("largest_difference", std::to_string(std::max(plain, fused)));
  std::printf("%s: %zu tensors, largest difference %.1e (fused %.1e) standard deviations\n",
              file.c_str(), wanted.size(), plain, fused);
}

// Plans in f32 for the least scratchpad, activations alone and with weights, executed: the bytes
// that the plan says, and the bits of the native run that sums convolutions directly, as kernels do
// whose weights pass the scratchpad.
void check_planned(const std::string& file) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const auto graph =
      std::make_shared<const Graph>(read_onnx(std::string(data) + "/graphs/" + file).graph);
  const auto weights = std::make_shared<const WeightStore>(random_weights(*graph, 1));
  const std::vector<Tensor> inputs = images(*graph);
  ThreadPool pool(std::min(default_threads(), 2));
  const Tensors wanted = native_run(*graph, *weights, inputs, {.winograd = false}, pool);
  for (const bool with_weights : {false, true}) {
    scratchpad::ExecuteOptions options;
    options.weights = with_weights;
    options.scratchpad_bytes =
        plan::required_size(plan::problem_of(fold(*graph, *weights, pool).graph,
                                             {.weights = with_weights, .workspace = {}})
                                .problem,
                            sizeof(float))
            .bytes;
    const auto program = scratchpad::Machine(pool, options).prepare(graph, weights);
    const auto& planned = dynamic_cast<const scratchpad::Program&>(*program);
    EXPECT_EQ(planned.plan().status, plan::Status::optimal);
    const scratchpad::Execution run = planned.execute(views_of(inputs), pool);
    EXPECT_EQ(run.traffic_bytes(), planned.plan().traffic_bytes);
    EXPECT_EQ(run.compulsory_bytes, planned.plan().compulsory_bytes);
    EXPECT_LE(run.highest_byte, options.scratchpad_bytes);
    Workspace workspace(program->need(), pool);
    const Tensor output(graph->value(graph->outputs()[0]).type);
    program->run({views_of(inputs), std::vector<TensorView>{output.view()}, 0, nullptr}, workspace);
    EXPECT_TRUE(std::ranges::equal(output.raw(), wanted.begin()->second.raw())) << file;
    std::printf("%s: %lld bytes, traffic %lld\n", file.c_str(),
                static_cast<long long>(options.scratchpad_bytes),
                static_cast<long long>(run.traffic_bytes()));
  }
}

// The outputs of another runtime, for the inputs and weights that golden/onnxruntime/README.md
// describes.
void check_golden(const std::string& file, const std::string& name, bool own_weights) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const OnnxModel model = read_onnx(std::string(data) + "/graphs/" + file);
  const WeightStore weights = own_weights ? model.weights : random_weights(model.graph, 1);
  Rng rng(1);
  const std::vector<Tensor> inputs = random_inputs(model.graph, rng);
  ThreadPool pool(std::min(default_threads(), 2));
  const Tensors got = native_run(model.graph, weights, inputs, {}, pool);
  Tensors wanted;
  for (std::size_t i = 0; i < model.graph.outputs().size(); ++i) {
    const std::string path = "golden/onnxruntime/" + name + "_output_" + std::to_string(i) + ".npy";
    wanted.emplace(model.graph.value(model.graph.outputs()[i]).name,
                   tensor_from_npy(MappedFile(path).bytes(), path));
  }
  ASSERT_EQ(got.size(), wanted.size());
  std::printf("%s: %.1e standard deviations from the other runtime\n", name.c_str(),
              worst(got, wanted));
}

TEST(Golden, FaceDetector) { check_golden("onnx-models/version-RFB-320.onnx", "rfb320", true); }
TEST(Golden, SqueezeNet) { check_golden("onnx-light/light_squeezenet.onnx", "squeezenet", false); }
TEST(Golden, InceptionV1) {
  check_golden("onnx-light/light_inception_v1.onnx", "inception_v1", false);
}
TEST(Golden, DenseNet121) {
  check_golden("onnx-light/light_densenet121.onnx", "densenet121", false);
}

// Without ZFNet and VGG-19, whose operators are AlexNet's and whose weights take half a minute to
// make.
TEST(Planned, SqueezeNet) { check_planned("onnx-light/light_squeezenet.onnx"); }
TEST(Planned, AlexNet) { check_planned("onnx-light/light_bvlc_alexnet.onnx"); }
TEST(Planned, InceptionV1) { check_planned("onnx-light/light_inception_v1.onnx"); }
TEST(Planned, DenseNet121) { check_planned("onnx-light/light_densenet121.onnx"); }
TEST(Planned, ResNet50) { check_planned("onnx-light/light_resnet50.onnx"); }

TEST(Networks, FaceDetectorWithItsOwnWeights) { check("onnx-models/version-RFB-320.onnx", true); }
TEST(Networks, SqueezeNet) { check("onnx-light/light_squeezenet.onnx", false); }
TEST(Networks, AlexNet) { check("onnx-light/light_bvlc_alexnet.onnx", false); }
TEST(Networks, InceptionV1) { check("onnx-light/light_inception_v1.onnx", false); }
TEST(Networks, DenseNet121) { check("onnx-light/light_densenet121.onnx", false); }
TEST(Networks, ResNet50) { check("onnx-light/light_resnet50.onnx", false); }

}  // namespace
}  // namespace pliant
