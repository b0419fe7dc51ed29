#include "open/network/open_network.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "formats/pliant/file.h"
#include "graph/blocks.h"
#include "graph/builder.h"

namespace pliant {
namespace {

// y = x * (w + w), where the sum depends on weights alone.
std::string write_network() {
  Builder builder;
  const TensorType type{DType::f32, {4}};
  const ValueId w = builder.weight("w", type);
  builder.output(blocks::multiply(builder, builder.input("x", type), blocks::add(builder, w, w)),
                 "y");
  WeightStore weights;
  weights.add("w", Tensor::of(DType::f32, {4}, {1, 2, 3, 4}));
  const std::string path = testing::TempDir() + "open_network.pliant";
  write_model(path, builder.finish(), weights);
  return path;
}

TEST(OpenNetwork, KeepsAPliantFilesWeightsAndFoldsThem) {
  OpenedNetwork network = open_network(write_network(), {});
  EXPECT_EQ(network.kind, FileKind::pliant);
  EXPECT_EQ(network.graph.ops().size(), 2u);
  ThreadPool pool(1);
  fold_weights(network, pool);
  EXPECT_EQ(network.graph.ops().size(), 1u);
}

TEST(OpenNetwork, GeneratesTheZooWithoutWeights) {
  OpenedNetwork network = open_network("zoo:resnet50", {.shapes = {}, .missing_weights = true});
  EXPECT_TRUE(network.structure_only());
  EXPECT_FALSE(network.missing.empty());
  randomize_weights(network, 1);
  EXPECT_TRUE(network.missing.empty());
  EXPECT_EQ(thrown_by([] { open_network("zoo:resnet50", {}); }).kind(), ErrorKind::not_found);
}

TEST(OpenNetwork, RefusesShapesWhereSizesAreFixedAndWhatIsNoNetwork) {
  const NetworkRequest shapes{.shapes = {{"x", {1}}}, .missing_weights = true};
  EXPECT_EQ(thrown_by([&] { open_network("zoo:resnet50", shapes); }).kind(), ErrorKind::usage);
  EXPECT_EQ(thrown_by([&] { open_network(write_network(), shapes); }).kind(), ErrorKind::usage);
  EXPECT_EQ(thrown_by([] { open_network("golden/openelm/tiny_a", {}); }).problem(),
            "is a language model, not a network");
}

}  // namespace
}  // namespace pliant
