#include "formats/ncnn/ncnn.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "graph/counts.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

const std::string small = R"(7767517
8 10
Input data 0 1 data -23330=4,3,8,8,3 0=8 1=8 2=3
Convolution conv 1 1 data conv -23330=4,3,8,8,4 0=4 1=3 4=1 5=1 6=108 9=1
Split split 1 2 conv a b -23330=8,3,8,8,4,3,8,8,4
Pooling pool 1 1 a pool -23330=4,1,4,1,1 0=1 4=1
BinaryOp scale 2 1 b pool scale -23330=4,3,8,8,4 0=2
Slice slice 1 2 scale s t -23330=8,3,8,8,2,3,8,8,2 -23300=2,2,-233
Concat join 2 1 s t join -23330=4,3,8,8,4
InnerProduct fc 1 1 join out -23330=4,1,5,1,1 0=5 1=1 2=1280
)";

NcnnModel parse(const std::string& text) { return parse_ncnn(text, {}, "net.param"); }

TEST(Ncnn, ReadsShapesNamesAndWeights) {
  const NcnnModel model = parse(small);
  const Graph& graph = model.graph;
  ASSERT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "data");
  EXPECT_EQ(graph.value(graph.inputs()[0]).type.shape, (Shape{1, 3, 8, 8}));
  EXPECT_EQ(graph.output_names(), (std::vector<std::string>{"out"}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).type.shape, (Shape{5}));
  EXPECT_EQ(graph.value(*graph.find("conv.weight")).type.shape, (Shape{4, 3, 3, 3}));
  EXPECT_TRUE(graph.find("scale").has_value());
  EXPECT_EQ(count(graph).parameters, 108 + 4 + 1280 + 5);
  EXPECT_EQ(count(graph).macs, 108 * 64 + 1280);
  EXPECT_EQ(model.missing.size(), 4u);
  ASSERT_EQ(model.opaque.size(), 1u);
  EXPECT_EQ(model.opaque[0], "slice (Slice): no such kind of operator");
}

TEST(Ncnn, TakesTheInputsSizeFromOutside) {
  const std::string text = "7767517\n2 2\nInput in 0 1 in\nReLU r 1 1 in out\n";
  EXPECT_THROW(parse(text), Error);
  const NcnnModel model = parse_ncnn(text, {{"in", {1, 3, 4, 4}}}, "net.param");
  EXPECT_EQ(model.graph.value(model.graph.outputs()[0]).type.shape, (Shape{1, 3, 4, 4}));
}

// The result of one Pooling of a map [c,h,w] = [1,h,w] that counts 0, 1, 2 ...
std::vector<double> pooled(std::int64_t h, std::int64_t w, const std::string& parameters,
                           const Shape& shape) {
  const std::string text = fmt::format(
      "7767517\n2 2\nInput in 0 1 in 0={} 1={} 2=1\nPooling p 1 1 in out {}\n", w, h, parameters);
  const Graph graph = parse(text).graph;
  EXPECT_EQ(graph.value(graph.outputs()[0]).type.shape, shape) << parameters;
  const Tensor in({DType::f32, {1, 1, h, w}});
  for (std::int64_t i = 0; i < h * w; ++i) in.view().as<float>()[i] = static_cast<float>(i);
  ThreadPool pool(1);
  const std::vector<TensorView> inputs{in.view()};
  const std::vector<Tensor> out = evaluate(graph, {}, inputs, pool);
  std::vector<double> values;
  for (std::int64_t i = 0; i < elements(out[0].type().shape); ++i)
    values.push_back(get(out[0].view(), i));
  return values;
}

using Values = std::vector<double>;

// Pooling used to be square, and adaptive sizes, padding per side and "same" were ignored.
TEST(Ncnn, PoolingIsNotSquareOnly) {
  EXPECT_EQ(pooled(2, 4, "0=0 1=2 11=1 2=2 12=1 5=1", {1, 1, 2, 2}), (Values{1, 3, 5, 7}));
  EXPECT_EQ(pooled(2, 4, "0=1 1=4 11=2 2=4", {1, 1, 1, 1}), (Values{3.5}));
}

TEST(Ncnn, PoolingPadsEachSide) {
  EXPECT_EQ(pooled(1, 3, "0=1 1=2 11=1 3=1 14=0 13=0 5=1", {1, 1, 1, 3}), (Values{0, 0.5, 1.5}));
  EXPECT_EQ(pooled(1, 3, "0=1 1=2 11=1 3=0 14=1 13=0 5=1", {1, 1, 1, 3}), (Values{0.5, 1.5, 2}));
  EXPECT_EQ(pooled(1, 3, "0=1 1=2 11=1 3=0 14=1 13=0 5=1 6=1", {1, 1, 1, 3}),
            (Values{0.5, 1.5, 1}));
  EXPECT_EQ(pooled(2, 2, "0=0 1=2 2=2 3=0 13=1 15=1 5=1", {1, 1, 2, 1}), (Values{1, 3}));
}

TEST(Ncnn, PoolingPadsToTheSameSize) {
  EXPECT_EQ(pooled(1, 4, "0=0 1=2 11=1 2=1 5=2", {1, 1, 1, 4}), (Values{1, 2, 3, 3}));
  EXPECT_EQ(pooled(1, 4, "0=0 1=2 11=1 2=1 5=3", {1, 1, 1, 4}), (Values{0, 1, 2, 3}));
  EXPECT_EQ(pooled(1, 5, "0=1 1=3 11=1 2=2 12=1 5=2", {1, 1, 1, 3}), (Values{0.5, 2, 3.5}));
}

TEST(Ncnn, PoolingAdaptsToASize) {
  EXPECT_EQ(pooled(1, 4, "0=1 7=1 8=2 18=1", {1, 1, 1, 2}), (Values{0.5, 2.5}));
  EXPECT_EQ(pooled(1, 5, "0=0 7=1 8=3 18=-233", {1, 1, 1, 3}), (Values{1, 3, 4}));
  EXPECT_EQ(pooled(3, 3, "0=1 7=1 8=2", {1, 1, 2, 2}), (Values{2, 3, 5, 6}));
  EXPECT_EQ(pooled(2, 2, "0=1 7=1 8=1", {1, 1, 1, 1}), (Values{1.5}));
  EXPECT_THROW(pooled(2, 2, "0=1 7=1 8=3", {}), Error);
  EXPECT_THROW(pooled(2, 2, "0=1 7=1", {}), Error);
}

struct Broken {
  const char* from;
  const char* to;
  const char* error;
};

TEST(Ncnn, RefusesBrokenTextNamingLineAndLayer) {
  for (const Broken& each : {
           Broken{"7767517", "7767518", "line 1: does not begin with 7767517"},
           Broken{"8 10", "9 10", "has 8 layers but says 9"},
           Broken{"8 10", "8", "line 2: is not the number of layers and of blobs"},
           Broken{"Input data 0 1 data -23330=4,3,8,8,3 0=8 1=8 2=3", "Input data 0",
                  "line 3: is not TYPE NAME"},
           Broken{"Input data 0 1", "Input data 0 -1", "'-1' is no number"},
           Broken{"Split split 1 2 conv a b", "Split split 1 9 conv a b",
                  "line 5: names fewer blobs than it counts"},
           Broken{"0=4 1=3", "0=4 0=3", "line 4: parameter 0 is given twice"},
           Broken{"0=4 1=3", "0=4 x=3", "'x' is no number"},
           Broken{"0=4 1=3", "0=4 1=nan", "'nan' is not finite"},
           Broken{"0=4 1=3", "0=4 1", "'1' is not ID=VALUE"},
           Broken{"0=4 1=3", "0=4 1=2.5", "parameter 1 is 2.5, not a whole number"},
           Broken{"0=4 1=3", "0=5 1=3",
                  "'conv' (Convolution): says 108 weights, its sizes give [5,3,3,3]"},
           Broken{"1=3 4=1", "1=3 4=2", "its parameters give [1,4,10,10], its hint says [1,4,8,8]"},
           Broken{"6=108 9=1", "6=108 9=9", "has an activation that is not known"},
           Broken{"-23330=4,3,8,8,3", "-23330=5,3,8,8,3",
                  "line 3: list -23330 does not have the length it says"},
           Broken{"-23330=4,3,8,8,3", "-23330=4,9,8,8,3",
                  "a shape hint is not of 1 to 3 dimensions"},
           Broken{"-23330=4,3,8,8,3", "-23330=4,3,0,8,3", "a shape hint has a size out of range"},
           Broken{"-23330=8,3,8,8,4,3,8,8,4", "-23330=4,3,8,8,4",
                  "shape hints are not four numbers per result"},
           Broken{"1 1 a pool", "1 1 z pool", "'pool' (Pooling): reads 'z' before it is made"},
           Broken{"1 1 a pool", "1 1 a conv", "makes 'conv' again"},
           Broken{"-23330=8,3,8,8,2,3,8,8,2 -23300", "-23300",
                  "its shape does not follow and is not in the file"},
           Broken{"Concat join 2 1 s t join -23330=4,3,8,8,4", "Concat join 2 1 s t join 0=3",
                  "axis 3 is out of range"},
       }) {
    std::string text = small;
    text.replace(text.find(each.from), std::string(each.from).size(), each.to);
    try {
      parse(text);
      ADD_FAILURE() << each.error;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(each.error), std::string::npos)
          << error.what() << "\nlacks: " << each.error;
      EXPECT_EQ(std::string(error.what()).rfind("net.param", 0), 0u) << error.what();
    }
  }
}

TEST(Ncnn, ReadsTheNetworksAtHand) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  // MACs as published for the networks: ResNet-18 1.82 G, ResNet-50 3.86 (stride in the first
  // convolution), MobileNetV2 0.30, MnasNet 0.32, EfficientNet-B0 0.39, GoogLeNet 1.58, ShuffleNet
  // 0.14, ShuffleNetV2 0.146, MobileNetV3 0.22 to 0.23; SqueezeNet 1.1 has 0.35 at 224 pixels with
  // maps of 55, 27 and 13, and 0.42 at 56, 28 and 14. One tenth for variants.
  for (const auto& [name, macs] :
       std::vector<std::pair<std::string, double>>{{"resnet18", 1.82},
                                                   {"resnet50", 3.86},
                                                   {"squeezenet", 0.42},
                                                   {"mobilenet_v2", 0.30},
                                                   {"mnasnet", 0.32},
                                                   {"efficientnet_b0", 0.39},
                                                   {"googlenet", 1.58},
                                                   {"shufflenet", 0.14},
                                                   {"shufflenet_v2", 0.146},
                                                   {"mobilenet_v3", 0.23}}) {
    std::ifstream file(std::string(data) + "/graphs/ncnn/" + name + ".param");
    std::stringstream text;
    text << file.rdbuf();
    const NcnnModel model = parse_ncnn(text.str(), {}, name);
    std::printf("%-16s %4zu operators, %10lld parameters, %.3f G, %zu opaque\n", name.c_str(),
                model.graph.ops().size(), static_cast<long long>(count(model.graph).parameters),
                static_cast<double>(count(model.graph).macs) / 1e9, model.opaque.size());
    EXPECT_NEAR(static_cast<double>(count(model.graph).macs) / 1e9 / macs, 1, 0.1) << name;
  }
  // Attention's own products are not counted: it stays opaque.
  std::ifstream file(std::string(data) + "/graphs/ncnn/vision_transformer.param");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THROW(parse_ncnn(text.str(), {}, "vit"), Error);
  const NcnnModel model = parse_ncnn(text.str(), {{"input", {1, 3, 384, 384}}}, "vit");
  EXPECT_EQ(model.opaque.size(), 12u);  // attention
  EXPECT_EQ(elements(model.graph.value(model.graph.outputs()[0]).type.shape), 1000);
}

}  // namespace
}  // namespace pliant
