#include "graph/text/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "graph/check.h"
#include "graph/random_graph.h"

namespace pliant {
namespace {

void expect_equal(const Graph& a, const Graph& b) {
  ASSERT_EQ(a.values().size(), b.values().size());
  ASSERT_EQ(a.ops().size(), b.ops().size());
  for (const ValueId id : a.values().ids()) {
    const Value &x = a.value(id), &y = b.value(id);
    ASSERT_EQ(x.name, y.name);
    ASSERT_EQ(x.type, y.type);
    ASSERT_EQ(x.role, y.role);
    ASSERT_EQ(x.producer, y.producer);
    ASSERT_EQ(x.rows, y.rows);
    ASSERT_EQ(!x.constant, !y.constant);
    if (x.constant) {
      auto p = x.constant->raw(), q = y.constant->raw();
      ASSERT_EQ(p.size(), q.size());
      ASSERT_TRUE(p.empty() || std::memcmp(p.data(), q.data(), p.size()) == 0);
    }
  }
  for (const OpId id : a.ops().ids()) {
    ASSERT_EQ(a.op(id).kind, b.op(id).kind);
    ASSERT_EQ(a.op(id).in, b.op(id).in);
    ASSERT_EQ(a.op(id).out, b.op(id).out);
    ASSERT_EQ(a.op(id).name, b.op(id).name);
  }
  ASSERT_EQ(a.inputs(), b.inputs());
  ASSERT_EQ(a.outputs(), b.outputs());
  ASSERT_EQ(a.output_names(), b.output_names());
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(hash(a), hash(b));
}

TEST(GraphText, RandomGraphsReadBackEqual) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    RandomGraphOptions options;
    options.rows = seed % 3 == 0 ? 4 : 0;
    options.opaque = true;
    Graph g = random_graph(rng, options);
    std::string text = to_text(g);
    Graph back = graph_from_text(text, "t");
    expect_equal(g, back);
    ASSERT_EQ(to_text(back), text);
    if (testing::Test::HasFatalFailure()) FAIL() << text;
  }
}

TEST(GraphText, IsReadable) {
  Builder b;
  ValueId x = b.row_input("x", f32({2, 3})), w = b.weight("layers.0/w", f32({4, 3}));
  ValueId state = b.input("odd name\n", f32({4}));
  ValueId y = b.einsum("ri,oi->ro", {x, w}, "y"),
          c = b.constant(Tensor::of(DType::f32, {2}, {0.1, -2}), "c");
  b.output(b.map(maximum(argument(0), constant(0)), {y}, DType::f16, "z"), "out");
  b.output(c);
  b.carry(state, b.map(argument(0), {state}, {}, "next"));
  EXPECT_EQ(to_text(b.finish()),
            "pliant graph 1\n"
            "row_input x: f32[2,3]\n"
            "weight layers.0/w: f32[4,3]\n"
            "input \"odd name\\x0a\": f32[4]\n"
            "y: f32[2,4] = einsum(x, layers.0/w) in=[\"ri\",\"oi\"] out=\"ro\"\n"
            "constant c: f32[2] = 0.1 -2\n"
            "z: f16[2,4] = map(y) expr=\"maximum($0,0)\" dtype=f16\n"
            "next: f32[4] = map(\"odd name\\x0a\") expr=\"$0\" dtype=f32\n"
            "output z as out\n"
            "output c\n"
            "output next\n"
            "carry \"odd name\\x0a\" next\n");
}

TEST(GraphText, ConstantsOfEveryTypeKeepTheirBytes) {
  for (int d = 0; d < dtype_count; ++d) {
    Builder b;
    Tensor t({static_cast<DType>(d), {64}});
    Rng rng(static_cast<std::uint64_t>(d));
    // any bits: NaN payloads, denormals, bool bytes beyond 1
    for (std::int64_t i = 0; i < bytes(t.type()); ++i)
      t.view().data[i] = static_cast<std::byte>(rng.below(256));
    b.output(b.constant(std::move(t), "c"));
    Graph g = b.finish();
    expect_equal(g, graph_from_text(to_text(g), "t"));
  }
}

TEST(GraphText, ConstantsMayBeKeptElsewhere) {
  Builder b;
  ValueId small = b.constant(Tensor::of(DType::i8, {2}, {1, 2}), "small");
  ValueId big = b.constant(Tensor::of(DType::f32, {3}, {1, 2, 3}), "big");
  b.output(small), b.output(big);
  Graph g = b.finish();
  std::string text = to_text(g, {.inline_elements = 2});
  EXPECT_NE(text.find("constant small: i8[2] = 1 2\n"), std::string::npos);
  EXPECT_NE(text.find("constant big: f32[3] elsewhere\n"), std::string::npos);
  auto from = g.value(*g.find("big")).constant;
  expect_equal(g, graph_from_text(text, "t", [&](std::string_view) { return from; }));
  EXPECT_EQ(error_of([&] { graph_from_text(text, "t"); }),
            "t, line 3, column 31: the constant 'big' is kept elsewhere and was not given");
  auto wrong = g.value(*g.find("small")).constant;
  EXPECT_NE(error_of([&] { graph_from_text(text, "t", [&](std::string_view) { return wrong; }); }),
            "accepted");
}

TEST(GraphText, HashSeesNamesAttributesAndConstants) {
  auto make = [](const char* name, double value, int axis) {
    Builder b;
    ValueId x = b.input(name, f32({2, 2}));
    b.output(b.map(argument(0) + argument(1),
                   {b.softmax(x, axis), b.constant(Tensor::of(DType::f32, {2}, {value, 0}))}));
    return hash(b.finish());
  };
  EXPECT_EQ(make("x", 1, 0), make("x", 1, 0));
  EXPECT_NE(make("x", 1, 0), make("y", 1, 0));
  EXPECT_NE(make("x", 1, 0), make("x", 2, 0));
  EXPECT_NE(make("x", 1, 0), make("x", 1, 1));
}

std::string refusal_of(const std::string& body) {
  return error_of([&] { graph_from_text("pliant graph 1\n" + body, "t"); });
}

TEST(GraphText, ErrorsNameLineAndColumn) {
  EXPECT_EQ(error_of([] { graph_from_text("", "t"); }), "t, line 1, column 1: a word expected");
  EXPECT_EQ(error_of([] { graph_from_text("pliant plan 1", "t"); }),
            "t, line 1, column 12: not a pliant graph");
  EXPECT_EQ(error_of([] { graph_from_text("pliant graph 2", "t"); }),
            "t, line 1, column 15: version 2, 1 expected");
  EXPECT_EQ(refusal_of("input x f32[2]"), "t, line 2, column 9: ':' expected");
  EXPECT_EQ(refusal_of("input x: f33[2]\n").substr(0, 18), "t, line 2, column ");
  EXPECT_EQ(refusal_of("input x: f32[2,]"), "t, line 2, column 16: a number expected");
  EXPECT_EQ(refusal_of("input x: f32[2] 3"),
            "t, line 2, column 17: unexpected text at the end of the line");
  EXPECT_EQ(refusal_of("input x: f32[2]\ninput x: f32[2]"),
            "t, line 3, column 8: the name 'x' is taken");
  EXPECT_EQ(refusal_of("y: f32[2] = softmax(x) axis=0"),
            "t, line 2, column 22: 'x' is not defined above");
  const std::string x = "input x: f32[2]\n";
  EXPECT_EQ(refusal_of(x + "y: f32[2] = softmex(x)"),
            "t, line 3, column 20: unknown kind 'softmex'");
  EXPECT_EQ(refusal_of(x + "y: f32[2] = softmax(x)"),
            "t, line 3, column 23: attribute 'axis' is missing");
  EXPECT_EQ(refusal_of(x + "y: f32[2] = softmax(x) ax=0"),
            "t, line 3, column 26: attribute 'ax' where 'axis' is expected");
  EXPECT_EQ(refusal_of(x + "y: f32[2] = softmax(x) axis=3"),
            "t, line 3: y: softmax: axis 3 of rank 1");
  EXPECT_EQ(refusal_of(x + "y: f32[3] = softmax(x) axis=0"),
            "t, line 3, column 30: 'y' is f32[2], not f32[3]");
  EXPECT_EQ(refusal_of(x + "y: f32[2] = map(x) expr=\"foo($0)\" dtype=f32"),
            "t, line 3, column 34: expression, column 1: unknown function 'foo'");
  EXPECT_EQ(refusal_of(x + "y: f32[] = reduce(x) fn=som axes=[0] keep=false"),
            "t, line 3, column 28: 'som' is no fn");
  EXPECT_EQ(refusal_of(x), "t: graph: no outputs (name some with output())");
  EXPECT_EQ(refusal_of("input \"x: f32[2]"), "t, line 2, column 17: a string without its end");
  EXPECT_NE(refusal_of("input \"\\q\": f32[2]"), "accepted");
  EXPECT_NE(refusal_of(x + "output x\ncarry x"), "accepted");
  EXPECT_NE(refusal_of(x + "output x in y"), "accepted");
  EXPECT_NE(refusal_of("constant c: f32[2] = 1"), "accepted");
  EXPECT_NE(refusal_of("constant c: f32[1] = #12"), "accepted");
  EXPECT_NE(refusal_of("constant c: f32[1] = x"), "accepted");
  EXPECT_EQ(refusal_of("# a comment\n\ninput output: f32[2]\noutput output"), "accepted");
}

TEST(GraphText, HostileSizesAreRefusedBeforeAllocation) {
  EXPECT_NE(refusal_of("constant c: f32[1000000000000] = 1").find("1000000000000 elements in"),
            std::string::npos);
  EXPECT_NE(refusal_of("input x: f32[9223372036854775807,9223372036854775807]"), "accepted");
  EXPECT_NE(refusal_of("input x: f32[-5]"), "accepted");
}

// Damaged texts are refused with an Error or read as another valid graph; nothing else may happen.
TEST(GraphText, DamagedTextsNeverCrash) {
  Rng rng(3);
  Graph g = random_graph(rng, {.opaque = true});
  const std::string text = to_text(g);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    for (std::int64_t i = rng.between(1, 3); i > 0; --i) {
      auto at = static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(damaged.size())));
      if (rng.below(3) == 0) damaged.erase(at, static_cast<std::size_t>(rng.between(1, 20)));
      else damaged[at] = static_cast<char>(rng.below(256));
      if (damaged.empty()) damaged = "p";
    }
    refused += error_of([&] { graph_from_text(damaged, "t"); }) != "accepted";
  }
  EXPECT_GT(refused, 1000);
}

TEST(GraphDot, ShowsOperatorsAndClusters) {
  Builder b;
  ValueId x = b.input("x", f32({2}));
  b.output(b.map(argument(0) + constant(1), {b.map(argument(0), {x})}));
  Graph g = b.finish();
  std::string dot = to_dot(g, groups(g));
  EXPECT_NE(dot.find("v0 -> o0"), std::string::npos);
  EXPECT_NE(dot.find("o0 -> o1"), std::string::npos);
  EXPECT_NE(dot.find("subgraph cluster_0"), std::string::npos);
}

}  // namespace
}  // namespace pliant
