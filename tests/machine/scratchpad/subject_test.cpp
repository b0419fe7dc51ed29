#include "machine/scratchpad/subject.h"

#include <gtest/gtest.h>

#include "graph/blocks.h"
#include "graph/builder.h"

namespace pliant::scratchpad {
namespace {

Graph sum_of_input_and_weight() {
  Builder builder;
  const TensorType type{DType::f32, {4}};
  builder.output(blocks::add(builder, builder.input("x", type), builder.weight("w", type)), "y");
  return builder.finish();
}

TEST(Subject, CountsKernelsOnlyWhereTheyCanRunAllOfIt) {
  const Graph graph = sum_of_input_and_weight();
  const auto with = [&](bool complete, std::int64_t elem_bytes) {
    return subject_of(graph, complete, {.elem_bytes = elem_bytes, .kernels = true});
  };
  EXPECT_TRUE(with(true, 0).runs);
  EXPECT_EQ(with(true, 0).alignment, 4);
  EXPECT_FALSE(with(false, 0).runs);
  EXPECT_FALSE(with(true, 1).runs);
  EXPECT_EQ(with(false, 0).alignment, 1);
}

TEST(Subject, KnowsTheWeightsThatPassBy) {
  const Graph graph = sum_of_input_and_weight();
  EXPECT_EQ(subject_of(graph, true, {}).work.streamed_bytes, 16);
  EXPECT_EQ(subject_of(graph, true, {}).work.streamed_tensors, 1);
  EXPECT_EQ(subject_of(graph, true, {.weights = true}).work.streamed_bytes, 0);
}

}  // namespace
}  // namespace pliant::scratchpad
