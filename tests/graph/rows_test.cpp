#include "graph/rows.h"

#include <gtest/gtest.h>

#include <cstring>

#include "graph/builder.h"
#include "graph/check.h"
#include "graph/random_graph.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

constexpr std::int64_t R = 6;

// What finish() says about one operator on row inputs x [R,4,8] and y [R,4,8], and weights.
template <typename Build>
std::string verdict(Build&& build) {
  Builder b;
  ValueId x = b.row_input("x", f32({R, 4, 8})), y = b.row_input("y", f32({R, 4, 8}));
  return error_of([&] {
    ValueId out = build(b, x, y);
    b.output(out);
    Graph g = b.finish();
    EXPECT_TRUE(g.value(g.outputs()[0]).rows);
  });
}

#define EXPECT_REFUSED(reason, ...)                        \
  EXPECT_NE(verdict([](Builder& b, ValueId x, ValueId y) { \
              (void)x, (void)y;                            \
              return __VA_ARGS__;                          \
            }).find(reason),                               \
            std::string::npos)

#define EXPECT_PROVED(...)                                 \
  EXPECT_EQ(verdict([](Builder& b, ValueId x, ValueId y) { \
              (void)x, (void)y;                            \
              return __VA_ARGS__;                          \
            }),                                            \
            "accepted")

TEST(Rows, EinsumKeepsTheRowLabelLeading) {
  EXPECT_PROVED(b.einsum("rhd,od->rho", {x, b.weight("w", f32({5, 8}))}));
  EXPECT_PROVED(b.einsum("rhd,rhd->rh", {x, y}));
  EXPECT_REFUSED("sums over the row label", b.einsum("rhd->hd", {x}));
  EXPECT_REFUSED("does not lead the output", b.einsum("rhd->hrd", {x}));
  EXPECT_REFUSED("different labels", b.einsum("rhd,shd->rs", {x, y}));
  EXPECT_REFUSED("'w' has the row label", b.einsum("rhd,r->rhd", {x, b.weight("w", f32({R}))}));
  EXPECT_REFUSED("is repeated", b.einsum("rr->r", {b.row_input("s", f32({R, R}))}));
}

TEST(Rows, MapsBroadcastAlongOtherAxesOnly) {
  EXPECT_PROVED(b.map(argument(0) + argument(1), {x, b.weight("w", f32({4, 8}))}));
  EXPECT_PROVED(b.map(argument(0) + argument(1), {x, b.weight("w", f32({1, 4, 1}))}));
  EXPECT_PROVED(b.map(argument(0) + argument(1), {x, b.row_input("z", f32({R, 1, 1}))}));
  EXPECT_REFUSED("entries along the row axis",
                 b.map(argument(0) + argument(1), {x, b.weight("w", f32({R, 1, 1}))}));
  EXPECT_REFUSED("broadcasts against another axis",
                 b.map(argument(0) + argument(1),
                       {b.reduce(kind::ReduceFn::sum, x, {1, 2}), b.weight("w", f32({3, R}))}));
}

TEST(Rows, ViewsMayNotTouchTheRowAxis) {
  EXPECT_PROVED(b.reshape(x, {R, 32}));
  EXPECT_REFUSED("does not begin with the 6 rows", b.reshape(x, {R * 4, 8}));
  EXPECT_PROVED(b.slice(x, 1, 1, 2));
  EXPECT_REFUSED("selects rows", b.slice(x, 0, 0, 3));
  EXPECT_REFUSED("selects rows", b.slice(x, {{R - 1, 0, 0}, {}, {-1, 1, 1}}));
  EXPECT_PROVED(b.concat({x, y}, 1));
  EXPECT_REFUSED("along the row axis", b.concat({x, y}, 0));
  EXPECT_REFUSED("'w' does not carry rows", b.concat({x, b.weight("w", f32({R, 4, 8}))}, 1));
  EXPECT_PROVED(b.pad(x, {{0, 1, 0}, {}, {}}));
  EXPECT_REFUSED("pads the row axis", b.pad(x, {{1, 0, 0}, {}, {}}));
  EXPECT_PROVED(b.window(x, {{2}, {3}, {}, {}}));
  EXPECT_REFUSED("along the row axis", b.window(x, {{0}, {3}, {}, {}}));
}

TEST(Rows, ReductionsStayWithinARow) {
  EXPECT_PROVED(b.reduce(kind::ReduceFn::max, x, {1, 2}));
  EXPECT_REFUSED("along the row axis", b.reduce(kind::ReduceFn::max, x, {0}));
  EXPECT_PROVED(b.softmax(x, 2));
  EXPECT_REFUSED("along the row axis", b.softmax(x, 0));
  EXPECT_PROVED(b.normalize(x, {2}, 1e-5, true));
  EXPECT_REFUSED("along the row axis", b.normalize(x, {0, 2}, 1e-5, true));
}

TEST(Rows, GatherByRowsFromATable) {
  EXPECT_PROVED(b.gather(b.weight("table", f32({50, 8})), b.row_input("tokens", i32({R}))));
  EXPECT_PROVED(b.gather(x, b.constant(Tensor::of(DType::i32, {2}, {1, 3})), 1));
  EXPECT_PROVED(b.gather(x, b.row_input("i", i32({R, 2})), 1, 1));
  EXPECT_REFUSED("selects rows", b.gather(x, b.constant(Tensor::of(DType::i32, {2}, {1, 3})), 0));
  EXPECT_REFUSED("not paired", b.gather(x, b.row_input("i", i32({R})), 1));
  EXPECT_REFUSED("paired operand 'i' does not carry rows",
                 b.gather(x, b.input("i", i32({R, 2})), 1, 1));
  EXPECT_REFUSED("paired operand 't' does not carry rows",
                 b.gather(b.weight("t", f32({R, 9})), b.row_input("i", i32({R, 2})), 1, 1));
  EXPECT_REFUSED("does not lead the result",
                 b.gather(b.weight("t", f32({5, 9})), b.row_input("i", i32({R})), 1));
}

TEST(Rows, SequenceKindsTakeRows) {
  auto attend = [](Builder& b, ValueId q, ValueId k, bool plain_seq) {
    ValueId seq = plain_seq ? b.input("seq", i32({R})) : b.row_input("seq", i32({R}));
    ValueId pos = b.row_input("pos", i32({R})), tag = b.row_input("tag", i32({R}));
    return b.attention({}, {q, k, k, seq, pos, tag});
  };
  EXPECT_EQ(verdict([&](Builder& b, ValueId x, ValueId y) { return attend(b, x, y, false); }),
            "accepted");
  EXPECT_NE(verdict([&](Builder& b, ValueId x, ValueId y) {
              return attend(b, x, y, true);
            }).find("'seq' does not carry"),
            std::string::npos);
  EXPECT_PROVED(b.rotary(x, b.row_input("pos", i32({R})), {8}));
  EXPECT_REFUSED("'pos' does not carry rows", b.rotary(x, b.input("pos", i32({R})), {8}));
  EXPECT_PROVED(b.rotary(x, b.row_input("pos", i32({R})), b.weight("f", f32({4})), {8}));
  EXPECT_REFUSED("'f' may not carry rows",
                 b.rotary(b.reshape(x, {R, 1, 32}), b.row_input("pos", i32({R})),
                          b.row_input("f", f32({R})), {2 * R}));
  EXPECT_PROVED(b.convolve(x, b.weight("w", f32({3, 4, 3})), {}));
  EXPECT_REFUSED("'x' may not carry rows", b.convolve(b.input("image", f32({1, 4, 8})), x, {}));
  EXPECT_PROVED(b.pool(x, {kind::PoolFn::max, {2}, {}, {}, {}, {}}));
  EXPECT_PROVED(b.add(kind::CrossEntropy{}, {b.reshape(x, {R, 32}), b.weight("t", f32({9, 32})),
                                             b.row_input("to", i32({R}))})[0]);
  EXPECT_REFUSED("'to' does not carry rows",
                 b.add(kind::CrossEntropy{}, {b.reshape(x, {R, 32}), b.weight("t", f32({9, 32})),
                                              b.input("to", i32({R}))})[0]);
  EXPECT_REFUSED("nothing is known", b.add(kind::Opaque{"", "Foo", "", {f32({R})}}, {x})[0]);
}

TEST(Rows, ErrorsNameTheOperatorAndCapacitiesAgree) {
  Builder b;
  ValueId x = b.row_input("x", f32({R, 8}));
  EXPECT_EQ(error_of([&] { b.row_input("z", f32({R + 1})); }),
            "z: 7 rows, other row inputs have 6");
  b.output(b.softmax(x, 0, "layer.mix"));
  EXPECT_EQ(error_of([&] { b.finish(); }),
            "layer.mix: softmax: rows would not be independent: it works along the row axis "
            "(declare the inputs with "
            "input() if the graph need not run short)");
}

TEST(Rows, ValuesWithoutRowsMayDoAnything) {
  Builder b;
  ValueId x = b.row_input("x", f32({R, 8})), w = b.weight("w", f32({R, 8}));
  ValueId v = b.reduce(kind::ReduceFn::sum, w, {0});
  b.output(b.map(argument(0) * argument(1), {x, v}));
  b.output(v);
  Graph g = b.finish();
  EXPECT_EQ(g.rows(), R);
  EXPECT_TRUE(g.value(g.outputs()[0]).rows);
  EXPECT_FALSE(g.value(g.outputs()[1]).rows);
}

TEST(Rows, CarriesAgree) {
  Builder b;
  ValueId x = b.row_input("x", f32({R, 8})), state = b.input("state", f32({R, 8}));
  b.carry(state, b.map(argument(0), {x}));
  EXPECT_NE(error_of([&] { b.finish(); }).find("one of them carries rows"), std::string::npos);
}

bool bit_equal(const TensorView& a, const TensorView& b, std::int64_t bytes) {
  return std::memcmp(a.data, b.data, static_cast<std::size_t>(bytes)) == 0;
}

TEST(Rows, RunningShortGivesTheFirstRowsOfTheWholeRun) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed);
    Graph g = random_graph(rng, {.rows = R});
    WeightStore weights = random_weight_store(g, rng);
    std::vector<Tensor> whole = random_inputs(g, rng), cut;
    const std::int64_t n = rng.between(1, R - 1);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const Value& value = g.value(g.inputs()[i]);
      if (value.name == "seq")  // for attention the rows that are left out are padding
        for (std::int64_t r = n; r < R; ++r) set(whole[i].view(), r, -1);
      TensorType type = value.type;
      if (value.rows) type.shape[0] = n;
      cut.emplace_back(type);
      std::memcpy(cut[i].view().data, whole[i].view().data, static_cast<std::size_t>(bytes(type)));
    }
    EvaluateOptions options;
    auto want = evaluate(g, weights, views_of(whole), pool, options);
    options.rows = n;
    auto have = evaluate(g, weights, views_of(cut), pool, options);
    for (std::size_t i = 0; i < have.size(); ++i) {
      if (g.value(g.outputs()[i]).rows) {
        ASSERT_EQ(have[i].type().shape[0], n);
      }
      ASSERT_TRUE(bit_equal(have[i].view(), want[i].view(), bytes(have[i].type())))
          << seed << g.output_names()[i];
    }
  }
}

}  // namespace
}  // namespace pliant
