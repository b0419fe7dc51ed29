#include "plan/graph/in_place.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace pliant::plan {
namespace {

std::string pairs_of(const Graph& graph, std::int64_t elem_bytes = 0) {
  const GraphProblem made =
      problem_of(graph, {.elem_bytes = elem_bytes, .in_place = true, .workspace = {}});
  std::string text;
  for (const Operator& op : made.problem.operators)
    for (const InPlace& pair : op.in_place)
      text += made.problem.tensors[pair.output].name + " over " +
              made.problem.tensors[pair.input].name + "; ";
  return text;
}

// an operator that is never in place
ValueId make(Builder& b, ValueId x, const std::string& name) {
  const std::int64_t channels = b.shape(x)[1];
  const ValueId w = b.weight(name + ".w", {DType::f32, {channels, channels, 1, 1}});
  return b.convolve(x, w, {{1, 1}, {0, 0}, {0, 0}, {1, 1}}, name);
}

TEST(Permit, TheResultLastMadeOfTwoThatDie) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 3, 3}});
  const ValueId left = make(b, x, "left"), right = make(b, x, "right");
  b.output(b.map(argument(0) + argument(1), {right, left}, {}, "sum"));
  EXPECT_EQ(pairs_of(b.finish()), "sum over right; ");
}

TEST(Permit, AnInputOfTheGraphToo) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {6}});
  b.output(b.map(argument(0) * constant(2), {x}, {}, "y"));
  EXPECT_EQ(pairs_of(b.finish()), "y over x; ");
}

TEST(Permit, NothingThatSomebodyMayNeedLater) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 3, 3}});
  const ValueId h = make(b, x, "h");
  const ValueId y = b.map(argument(0) * constant(2), {h}, {}, "y");
  b.output(y);
  b.output(make(b, h, "z"));  // no ancestor of y
  EXPECT_EQ(pairs_of(b.finish()), "");
}

TEST(Permit, AConsumerThatAlwaysRunsBefore) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 3, 3}});
  const ValueId h = make(b, x, "h"), branch = make(b, h, "branch");
  const ValueId sum = b.map(argument(0) + argument(1), {h, branch}, {}, "sum");
  b.output(branch);  // so h alone may be written over
  b.output(sum);
  EXPECT_EQ(pairs_of(b.finish()), "sum over h; ");
}

TEST(Permit, NothingBroadcastOrOfAnotherSize) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 4}}), row = b.input("row", {DType::f32, {1, 4}});
  b.output(b.map(argument(0) + argument(1), {row, b.transpose(x, {1, 0}, "turned")}, {}, "sum"));
  const ValueId small = b.input("small", {DType::i32, {5}}),
                wide = b.input("wide", {DType::i64, {5}});
  b.output(b.cast(small, DType::f32, "same"));
  b.output(b.cast(wide, DType::f32, "narrower"));
  const Graph graph = b.finish();
  EXPECT_EQ(pairs_of(graph), "sum over turned; same over small; ");
  EXPECT_EQ(pairs_of(graph, 1), "sum over turned; same over small; narrower over wide; ");
}

TEST(Permit, NothingReadAtOtherPlacesToo) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 16, 1}});
  const ValueId h = make(b, x, "h");
  // a view of h
  b.output(b.map(argument(0) + argument(1), {h, b.slice(h, 1, 1, 1, "one")}, {}, "sum"));
  EXPECT_EQ(pairs_of(b.finish()), "");
}

TEST(Permit, ViewsOfTheWholeCount) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1, 4, 3, 3}});
  const ValueId h = make(b, x, "h");
  const ValueId flat = b.reshape(h, {36}, "flat");
  b.output(b.map(argument(0) * constant(2), {flat}, {}, "twice"));
  EXPECT_EQ(pairs_of(b.finish()), "twice over h; ");
}

}  // namespace
}  // namespace pliant::plan
