#include "graph/builder.h"

#include <gtest/gtest.h>

#include "graph/check.h"

namespace pliant {
namespace {

TEST(Builder, BuildsInOrderAndNamesValues) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3})), w = b.weight("w", f32({4, 3}));
  ValueId y = b.einsum("ri,oi->ro", {x, w}, "linear");
  ValueId z = b.map(maximum(argument(0), constant(0)), {y});
  b.output(z, "out");
  Graph g = b.finish();
  ASSERT_EQ(g.ops().size(), 2u);
  EXPECT_EQ(g.op(OpId{0}).name, "linear");
  EXPECT_EQ(g.value(g.op(OpId{0}).out[0]).name, "linear");
  EXPECT_EQ(g.value(g.outputs()[0]).name, "map");
  EXPECT_EQ(g.output_names()[0], "out");
  EXPECT_EQ(g.find("w"), std::optional<ValueId>(ValueId{1}));
  EXPECT_EQ(g.find("nothing"), std::nullopt);
  EXPECT_EQ(g.consumers()[ValueId{0}], (std::vector<OpId>{OpId{0}}));
  EXPECT_EQ(macs(g, g.op(OpId{0})), 24);
  EXPECT_EQ(macs(g, g.op(OpId{1})), 0);
}

TEST(Builder, NamesAreMadeUniqueAndScoped) {
  Builder b;
  ValueId x = b.input("x", f32({2}));
  for (int layer = 0; layer < 2; ++layer) {
    Builder::Scope scope(b, "layers." + std::to_string(layer));
    x = b.softmax(x, 0);
    x = b.softmax(x, -1);
    Builder::Scope inner(b, "mlp");
    ValueId w = b.weight("w", f32({2}));
    x = b.map(argument(0) * argument(1), {x, w}, {}, "scale");
  }
  b.output(x);
  Graph g = b.finish();
  EXPECT_TRUE(g.find("layers.0.softmax"));
  EXPECT_TRUE(g.find("layers.0.softmax_2"));
  EXPECT_TRUE(g.find("layers.1.mlp.w"));
  EXPECT_EQ(g.output_names()[0], "layers.1.mlp.scale");
}

TEST(Builder, ResultNamesAreTakenAsTheyAre) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3}));
  auto y = b.add(kind::Normalize{{1}}, {x}, "norm", 3, {"norm", "mean", "var"});
  EXPECT_EQ(error_of([&] { b.add(kind::Softmax{0}, {x}, "s", 1, {"mean"}); }),
            "s: the result name 'mean' is taken");
  EXPECT_EQ(error_of([&] {
              b.add(kind::Normalize{{1}}, {x}, "n", 3, {"p", "q", "p"});
            }),
            "n: the result name 'p' is taken");
  EXPECT_NE(error_of([&] { b.add(kind::Softmax{0}, {x}, "s", 1, {"p", "q"}); }), "accepted");
  b.output(b.add(kind::Softmax{0}, {y[1]}, "s", 1, {"p"})[0]);  // the refused names are still free
  Graph g = b.finish();
  EXPECT_EQ(g.op(OpId{0}).name, "norm");
  EXPECT_EQ(g.value(g.op(OpId{0}).out[2]).name, "var");
  EXPECT_EQ(g.op(OpId{1}).name, "s");
}

TEST(Builder, KeepsOutWhatNoOutputNeeds) {
  Builder b;
  ValueId x = b.input("x", f32({2})), unused = b.input("unused", f32({2}));
  ValueId w = b.weight("w", f32({2})), dead = b.weight("dead", f32({2}));
  b.map(argument(0) + argument(1), {unused, dead}, {}, "gone");
  b.scalar(1);
  b.output(b.map(argument(0) + argument(1), {x, w}, {}, "kept"));
  Graph g = b.finish();
  EXPECT_EQ(g.ops().size(), 1u);
  EXPECT_EQ(g.values().size(), 4u);  // x, unused, w, kept
  EXPECT_EQ(g.inputs().size(), 2u);
  EXPECT_FALSE(g.find("dead"));
  EXPECT_EQ(g.value(*g.find("kept")).producer, OpId{0});
  Builder second;
  EXPECT_EQ(error_of([&] { second.finish(); }), "graph: no outputs (name some with output())");
}

TEST(Builder, EinsumBroadcastsBySizeOneAxes) {
  Builder b;
  ValueId x = b.input("x", f32({5, 2, 3})), y = b.input("y", f32({1, 3, 4}));
  ValueId z = b.einsum("...ij,...jk", {x, y});
  EXPECT_EQ(b.shape(z), (Shape{5, 2, 4}));
  b.output(z);
  Graph g = b.finish();
  EXPECT_EQ(g.ops().size(), 2u);  // reshape, einsum
  EXPECT_EQ(std::get<kind::Einsum>(g.op(OpId{1}).kind), (kind::Einsum{{"Aij", "jk"}, "Aik"}));
}

TEST(Builder, DoorsFillInNeutralAttributes) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({6, 4, 3, 3}));
  EXPECT_EQ(b.shape(b.convolve(x, w, {})), (Shape{1, 6, 6, 6}));
  EXPECT_EQ(b.shape(b.pool(x, {kind::PoolFn::max, {2, 2}, {2, 2}, {}, {}, {}})),
            (Shape{1, 4, 4, 4}));
  EXPECT_EQ(b.shape(b.slice(x, -1, 2, 3)), (Shape{1, 4, 8, 3}));
  EXPECT_EQ(b.shape(b.slice(x, kind::Slice{})), (Shape{1, 4, 8, 8}));
  EXPECT_EQ(b.shape(b.window(x, {{-1}, {3}, {}, {}})), (Shape{1, 4, 8, 6, 3}));
  EXPECT_EQ(b.shape(b.pad(x, {{0, 0, 1, 1}, {}, {}})), (Shape{1, 4, 9, 9}));
  EXPECT_EQ(b.shape(b.reshape(x, {4, -1})), (Shape{4, 64}));
  EXPECT_EQ(b.shape(b.transpose(x, {0, 2, 3, 1})), (Shape{1, 8, 8, 4}));
  EXPECT_EQ(b.shape(b.reduce(kind::ReduceFn::mean, x, {-1, 2})), (Shape{1, 4}));
  EXPECT_EQ(b.type(b.cast(x, DType::i8)).dtype, DType::i8);
}

TEST(Builder, ErrorsNameScopeAndOperator) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3}));
  Builder::Scope scope(b, "block");
  EXPECT_EQ(error_of([&] { b.softmax(x, 2); }), "block.softmax: axis 2 of f32[2,3]");
  EXPECT_EQ(error_of([&] { b.add(kind::Softmax{5}, {x}, "head"); }),
            "block.head: softmax: axis 5 of rank 2");
  EXPECT_EQ(error_of([&] {
              b.reshape(x, {4, -1}, "flat");
            }),
            "block.flat: reshape: the -1 in a shape for [2,3] cannot be found: the others have 4 "
            "elements");
  EXPECT_EQ(error_of([&] { b.einsum("ij,jk", {x}); }),
            "block.einsum: 1 operand(s) for 2 label groups");
  EXPECT_EQ(error_of([&] { b.type(ValueId{99}); }), "block: value 99 of 1 in the builder");
  EXPECT_NE(error_of([&] { b.transpose(x, {0}); }), "accepted");
  EXPECT_NE(error_of([&] { b.transpose(x, {0, 0}); }), "accepted");
  EXPECT_NE(error_of([&] { b.concat({}, 0); }), "accepted");
  EXPECT_NE(error_of([&] { b.map(constant(1), {}); }), "accepted");
}

TEST(Builder, RefusesBadLeavesOutputsAndCarries) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3}));
  EXPECT_EQ(error_of([&] { b.weight("x", f32({2})); }), "x: the name is taken");
  EXPECT_NE(error_of([&] { b.input("", f32({2})); }), "accepted");
  EXPECT_NE(error_of([&] { b.input("n", f32({-1})); }), "accepted");
  EXPECT_NE(error_of([&] { b.input("n", f32(Shape(17, 1))); }), "accepted");
  EXPECT_NE(error_of([&] { b.row_input("n", f32({})); }), "accepted");
  ValueId y = b.softmax(x, 0), w = b.weight("w", f32({2, 3}));
  b.output(y, "y");
  EXPECT_EQ(error_of([&] { b.output(x, "y"); }), "y: two outputs of one name");
  EXPECT_NE(error_of([&] { b.output(ValueId{77}); }), "accepted");
  EXPECT_NE(error_of([&] { b.carry(w, y); }), "accepted");
  EXPECT_NE(error_of([&] { b.carry(x, b.reduce(kind::ReduceFn::sum, y, {0})); }), "accepted");
  b.carry(x, b.softmax(y, 1));
  EXPECT_EQ(error_of([&] { b.carry(x, y); }), "x: carried twice");
  Graph g = b.finish();
  EXPECT_EQ(g.outputs().size(), 2u);
  EXPECT_EQ(g.carries().size(), 1u);
}

TEST(Graph, CountsMultiplyAccumulates) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({6, 2, 3, 3})),
          u = b.weight("u", f32({6, 2, 2, 2}));
  ValueId y = b.convolve(x, w, {{}, {}, {}, {}, 2});
  b.output(b.convolve(y, u, {{2, 2}, {}, {}, {}, 3, true}));
  Graph g = b.finish();
  EXPECT_EQ(macs(g, g.op(OpId{0})), 6 * 36 * 2 * 9);
  EXPECT_EQ(macs(g, g.op(OpId{1})), 6 * 36 * 2 * 4);
}

TEST(Builder, RenamesResultsAndTheirOperatorsAndFreesTheOldNames) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId y = b.map(argument(0) + constant(1), {x});
  const std::string old = b.value(y).name;
  b.rename(y, "sum", "node");
  EXPECT_EQ(b.value(b.map(argument(0), {y})).name, old);
  EXPECT_EQ(b.next(), ValueId{3});
  EXPECT_THROW(b.rename(y, "x"), Error);
  EXPECT_THROW(b.rename(x, "z"), Error);
  b.output(y);
  const Graph graph = b.finish();
  EXPECT_EQ(graph.op(OpId{0}).name, "node");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "sum");
}

}  // namespace
}  // namespace pliant
