#include "plan/graph/graph_problem.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace pliant::plan {
namespace {

kind::Convolve same_size() {
  return {.stride = {1, 1}, .low = {1, 1}, .high = {1, 1}, .dilation = {1, 1}};
}

// Two convolutions with activations on x, their sum, and a reshape of it: the output.
Graph small_network() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 2, 4, 4}});
  std::vector<ValueId> branches;
  for (const char* name : {"left", "right"}) {
    const ValueId w = b.weight(std::string(name) + ".w", {DType::f32, {2, 2, 3, 3}});
    const ValueId y = b.convolve(x, w, same_size(), name);
    branches.push_back(
        b.map(maximum(argument(0), constant(0)), {y}, {}, std::string(name) + ".relu"));
  }
  const ValueId sum = b.map(argument(0) + argument(1), branches, {}, "sum");
  b.output(b.reshape(sum, {1, 32}, "flat"), "y");
  return b.finish();
}

const TensorInfo& tensor(const Problem& problem, std::string_view name) {
  for (const TensorInfo& each : problem.tensors)
    if (each.name == name) return each;
  throw std::runtime_error("no tensor " + std::string(name));
}

std::vector<std::string> names(const std::vector<Operator>& operators) {
  std::vector<std::string> result;
  for (const Operator& op : operators) result.push_back(op.name);
  return result;
}

TEST(GraphProblem, FusesAndLetsViewsShareABuffer) {
  const Graph graph = small_network();
  const GraphProblem made = problem_of(graph);
  EXPECT_EQ(names(made.problem.operators),
            (std::vector<std::string>{"left.relu", "right.relu", "sum"}));
  EXPECT_EQ(made.problem.tensors.size(), 4u);
  EXPECT_EQ(tensor(made.problem, "x"), (TensorInfo{"x", 128, Role::input}));
  EXPECT_EQ(tensor(made.problem, "left.relu"), (TensorInfo{"left.relu", 128, Role::activation}));
  EXPECT_EQ(tensor(made.problem, "sum").role, Role::output);  // the output is a view of it
  validate(made.problem);
}

TEST(GraphProblem, PlansTheFileAsItIsWithoutFusion) {
  const GraphProblem made = problem_of(
      small_network(), {.fuse = false, .weights = false, .elem_bytes = 0, .workspace = {}});
  EXPECT_EQ(names(made.problem.operators),
            (std::vector<std::string>{"left", "left.relu", "right", "right.relu", "sum"}));
}

TEST(GraphProblem, WeightsArePlannedWhenAsked) {
  const GraphProblem made = problem_of(
      small_network(), {.fuse = true, .weights = true, .elem_bytes = 0, .workspace = {}});
  EXPECT_EQ(tensor(made.problem, "left.w"), (TensorInfo{"left.w", 144, Role::weight}));
  EXPECT_EQ(made.problem.operators[0].inputs.size(), 2u);
}

TEST(GraphProblem, TheElementSizeCanBeOverridden) {
  const GraphProblem made = problem_of(
      small_network(), {.fuse = true, .weights = true, .elem_bytes = 1, .workspace = {}});
  EXPECT_EQ(tensor(made.problem, "x").bytes, 32);
  EXPECT_EQ(tensor(made.problem, "right.w").bytes, 36);
}

TEST(GraphProblem, SlicesOfABufferKeepTheirPlaceUnderAnotherElementSize) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 16}});
  const ValueId doubled = b.map(argument(0) + argument(0), {x}, {}, "doubled");
  const ValueId tail = b.slice(doubled, 0, 2, 2, "tail");
  b.output(b.map(argument(0) * argument(0), {tail}, {}, "squared"), "y");
  const Graph graph = b.finish();
  const GraphProblem made =
      problem_of(graph, {.fuse = false, .weights = false, .elem_bytes = 2, .workspace = {}});
  EXPECT_EQ(tensor(made.problem, "doubled").bytes, 128);
  EXPECT_EQ(made.storage.places[*graph.find("tail")].offset, 64);
  EXPECT_EQ(made.problem.operators.back().inputs, made.problem.operators.front().outputs);
}

TEST(GraphProblem, WorkspaceComesFromTheCallback) {
  GraphProblemOptions options;
  options.workspace = [](const Graph& graph, const pliant::Group& group) -> std::int64_t {
    return graph.op(group.ops.front()).name == "left" ? 64 : 0;
  };
  const GraphProblem made = problem_of(small_network(), options);
  EXPECT_EQ(made.problem.operators[0].workspace, 64);
  EXPECT_EQ(made.problem.operators[1].workspace, 0);
}

TEST(GraphProblem, MapsBackToGroupsAndBuffers) {
  const Graph graph = small_network();
  const GraphProblem made = problem_of(graph);
  ASSERT_EQ(made.group_of.size(), made.problem.operators.size());
  ASSERT_EQ(made.buffer_of.size(), made.problem.tensors.size());
  for (std::size_t i = 0; i < made.group_of.size(); ++i) {
    const pliant::Group& group = made.groups[made.group_of[i]];
    EXPECT_EQ(graph.op(group.ops.back()).name, made.problem.operators[i].name);
  }
  for (std::size_t t = 0; t < made.buffer_of.size(); ++t) {
    const BufferId buffer = made.buffer_of[t];
    EXPECT_EQ(made.tensor_of[buffer], static_cast<TensorId>(t));
    EXPECT_EQ(made.storage.buffers[buffer], made.problem.tensors[t].bytes);
  }
  for (const char* weight : {"left.w", "right.w"}) {
    const Place place = made.storage.places[*graph.find(weight)];
    EXPECT_EQ(made.tensor_of[place.buffer], -1);
  }
}

}  // namespace
}  // namespace pliant::plan
