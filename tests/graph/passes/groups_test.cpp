#include <gtest/gtest.h>

#include <cmath>

#include "graph/check.h"
#include "graph/passes/patterns.h"
#include "graph/random_graph.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

Expr relu() { return maximum(argument(0), constant(0)); }

std::vector<std::size_t> sizes(const Graph& g) {
  std::vector<std::size_t> result;
  for (const Group& group : groups(g)) result.push_back(group.ops.size());
  return result;
}

using Sizes = std::vector<std::size_t>;

TEST(Groups, ConvolutionTakesItsAffineAndActivation) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({6, 4, 3, 3}));
  ValueId scale = b.weight("scale", f32({6, 1, 1})), shift = b.weight("shift", f32({1, 6, 1, 1}));
  ValueId y = b.convolve(x, w, {});
  y = b.map(argument(0) * argument(1) + argument(2), {y, scale, shift});
  y = b.map(minimum(relu(), constant(6)), {y});
  b.output(y);
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{3}));
  GroupPattern p = *group_pattern(g, groups(g)[0]);
  EXPECT_EQ(p.anchor, OpId{0});
  EXPECT_EQ(p.operands,
            (std::vector<ValueId>{g.op(OpId{0}).out[0], *g.find("scale"), *g.find("shift")}));
  EXPECT_EQ(to_string(p.epilogue), "minimum(maximum(add(multiply($0,$1),$2),0),6)");
  EXPECT_EQ(group_inputs(g, groups(g)[0]).size(), 4u);
  EXPECT_EQ(group_outputs(g, groups(g)[0]), (std::vector<ValueId>{g.outputs()[0]}));
  EXPECT_EQ(groups(g, {.fuse = false}).size(), 3u);
}

TEST(Groups, ActivationsMadeOfSeveralMapsJoinWhole) {
  // x * sigmoid(x) and hard-swish, as exporters write them: the convolution's result is read twice
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({4, 4, 1, 1}));
  ValueId c = b.convolve(x, w, {});
  ValueId s = b.map(apply(Fn::sigmoid, {argument(0)}), {c});
  ValueId y = b.map(argument(0) * argument(1), {c, s});
  ValueId d = b.convolve(y, w, {});
  ValueId t = b.map(argument(0) + argument(1), {d, b.scalar(3)});
  t = b.map(minimum(maximum(argument(0), constant(0)), constant(6)), {t});
  t = b.map(argument(0) * argument(1), {d, t});
  b.output(b.map(argument(0) / argument(1), {t, b.scalar(6)}));
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{3, 5}));
}

TEST(Groups, ResidualAddAndItsActivationAreOneGroup) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({4, 4, 1, 1}));
  ValueId y = b.convolve(x, w, {});
  ValueId sum = b.map(argument(0) + argument(1), {y, x});
  b.output(b.map(relu(), {sum}));
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{1, 2}));
  GroupPattern p = *group_pattern(g, groups(g)[1]);
  EXPECT_EQ(p.anchor, OpId::none);
  EXPECT_EQ(p.operands.size(), 2u);
}

TEST(Groups, LinearTakesItsBias) {
  Builder b;
  ValueId x = b.input("x", f32({3, 8})), w = b.weight("w", f32({5, 8})),
          bias = b.weight("b", f32({5}));
  ValueId y = b.einsum("ri,oi->ro", {x, w});
  y = b.map(apply(Fn::gelu, {argument(0) + argument(1)}), {y, bias});
  ValueId t = b.transpose(y, {1, 0});
  b.output(b.map(relu(), {t}));
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{2, 1, 1}));  // a transpose is no product: nothing joins it
}

TEST(Groups, NormalisationAcrossChannelsIsOneGroup) {
  Builder b;
  ValueId x = b.input("x", f32({2, 6, 3, 4}));
  ValueId square = b.map(argument(0) * argument(0), {x});
  ValueId rows = b.reshape(square, {2, 1, 6, 12});
  ValueId mean = b.pool(rows, {kind::PoolFn::mean, {5, 1}, {}, {2, 0}, {2, 0}, {}});
  ValueId back = b.reshape(mean, {2, 6, 3, 4});
  Expr power =
      pliant::apply(Fn::power, {constant(2) + constant(1e-4) * argument(1), constant(0.75)});
  b.output(b.map(argument(0) / power, {x, back}));
  Graph g = b.finish();
  ASSERT_EQ(sizes(g), (Sizes{5}));
  GroupPattern p = *group_pattern(g, groups(g)[0]);
  EXPECT_EQ(p.anchor, OpId{2});
  EXPECT_EQ(to_string(*p.prologue), "multiply($0,$0)");
  EXPECT_EQ(p.prologue_input, x);
  EXPECT_EQ(p.operands, (std::vector<ValueId>{g.op(OpId{2}).out[0], x}));
}

TEST(Groups, WhatIsNeededOutsideStaysOutside) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 8, 8})), w = b.weight("w", f32({4, 4, 1, 1}));
  ValueId c = b.convolve(x, w, {});
  ValueId r = b.map(relu(), {c});
  b.output(b.pool(r, {kind::PoolFn::max, {2, 2}, {}, {}, {}, {}}));
  b.output(c);  // the convolution's own result is an output: no fusion
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{1, 1, 1}));
}

TEST(Groups, NarrowIntermediatesStayInMemory) {
  Builder b;
  ValueId x = b.input("x", f32({8}));
  ValueId half = b.map(argument(0), {x}, DType::f16);
  ValueId wide = b.map(argument(0) * constant(2), {half}, DType::f32);
  b.output(b.map(apply(Fn::round_even, {argument(0)}), {wide}, DType::i8));
  Graph g = b.finish();
  EXPECT_EQ(sizes(g), (Sizes{1, 2}));  // rounding to f16 may not be skipped; i8 may end a group
}

TEST(Groups, LimitsHold) {
  Builder b;
  ValueId x = b.input("x", f32({8}));
  for (int i = 0; i < 20; ++i)
    x = b.map(argument(0) + argument(1), {x, b.input("y" + std::to_string(i), f32({8}))});
  b.output(x);
  Graph g = b.finish();
  for (const Group& group : groups(g)) EXPECT_LE(group_pattern(g, group)->operands.size(), 8u);
  EXPECT_LE(groups(g).size(), 3u);
}

// Everything groups() promises, on graphs of all kinds; and each pattern, evaluated from what
// stands in memory, gives what the operators give one by one.
void check_graph(const Graph& g, Rng& rng, ThreadPool& pool, int& fused) {
  std::vector<Group> parts = groups(g);
  ById<OpId, int> group_of(g.ops().size(), -1);
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (OpId op : parts[i].ops) {
      ASSERT_EQ(group_of[op], -1);
      group_of[op] = static_cast<int>(i);
    }
  ById<ValueId, bool> in_memory(g.values().size());
  for (const ValueId id : g.values().ids()) in_memory[id] = g.value(id).role != Role::result;
  for (const Group& group : parts) {
    ASSERT_TRUE(std::is_sorted(group.ops.begin(), group.ops.end()));
    for (ValueId id : group_inputs(g, group)) ASSERT_TRUE(in_memory[id]);
    for (ValueId id : group_outputs(g, group)) in_memory[id] = true;
  }
  for (int part : group_of) ASSERT_GE(part, 0);
  for (ValueId id : g.outputs()) ASSERT_TRUE(in_memory[id]);

  ById<ValueId, Tensor> all;
  all.resize(g.values().size());
  auto inputs = random_inputs(g, rng);
  WeightStore weights = random_weight_store(g, rng);
  for (std::size_t i = 0; i < inputs.size(); ++i) all[g.inputs()[i]] = inputs[i].copy();
  for (const ValueId id : all.ids()) {
    const Value& value = g.value(id);
    if (value.role == Role::weight) all[id] = decode(weights.at(value.name));
    if (value.role == Role::constant) all[id] = value.constant->copy();
  }
  EvaluateOptions options;
  options.observe = [&](ValueId id, const TensorView& view) {
    Tensor copy(view.type);
    std::copy_n(view.data, bytes(view.type), copy.view().data);
    all[id] = std::move(copy);
  };
  evaluate(g, weights, views_of(inputs), pool, options);
  for (const Group& group : parts) {
    auto pattern = group_pattern(g, group);
    if (!pattern || group.ops.size() < 2) continue;
    ++fused;
    const Tensor& result = all[pattern->result];
    const Shape& shape = result.type().shape;
    for (std::int64_t i = 0; i < elements(shape); ++i) {
      std::vector<double> operands;
      for (std::size_t k = 0; k < pattern->operands.size(); ++k) {
        const Tensor& from = all[pattern->operands[k]];
        std::int64_t at = 0, rest = i, stride = 1;
        const Shape& narrow = from.type().shape;
        if (k == 0 && pattern->anchor != OpId::none) at = i;
        for (std::size_t back = 0;
             (k != 0 || pattern->anchor == OpId::none) && back < narrow.size(); ++back) {
          std::int64_t size = shape[shape.size() - 1 - back],
                       own = narrow[narrow.size() - 1 - back];
          at += own == 1 ? 0 : rest % size * stride;
          stride *= own;
          rest /= size;
        }
        operands.push_back(get(from.view(), at));
      }
      Tensor have({pattern->dtype, {}});
      set(have.view(), 0, evaluate(pattern->epilogue, operands));
      double want = get(result.view(), i);
      if (std::isnan(want) || pattern->dtype == DType::boolean) continue;
      ASSERT_NEAR(get(have.view(), 0), want,
                  is_float(pattern->dtype) ? 1e-5 * (1 + std::fabs(want)) : 1.0);
    }
  }
}

TEST(Groups, PartitionRandomGraphsAndComputeTheSame) {
  ThreadPool pool(1);
  int fused = 0;
  for (std::uint64_t seed = 0; seed < 300 && !testing::Test::HasFatalFailure(); ++seed) {
    Rng rng(seed);
    RandomGraphOptions options;
    options.rows = seed % 3 == 0 ? 5 : 0;
    options.operators = 15;
    SCOPED_TRACE(seed);
    check_graph(random_graph(rng, options), rng, pool, fused);
  }
  EXPECT_GT(fused, 100);
}

TEST(Storage, ReshapesAndLeadingSlicesAreViews) {
  Builder b;
  ValueId x = b.input("x", f32({8, 16}));
  ValueId y = b.map(relu(), {x}, {}, "y");
  ValueId flat = b.reshape(y, {128}, "flat");
  ValueId lower = b.slice(flat, 0, 64, 64, "lower"), odd = b.slice(flat, 0, 1, 64, "odd");
  ValueId column = b.slice(y, 1, 0, 4, "column"),
          part = b.slice(b.reshape(lower, {1, 4, 16}), 1, 1, 2, "part");
  for (ValueId id : {lower, odd, column, part}) b.output(id);
  Graph g = b.finish();
  auto parts = groups(g);
  Storage s = storage(g, parts);
  auto at = [&](const char* name) { return s.places[*g.find(name)]; };
  EXPECT_EQ(at("flat"), (Place{at("y").buffer, 0}));
  EXPECT_EQ(at("lower"), (Place{at("y").buffer, 256}));
  EXPECT_EQ(at("part"), (Place{at("y").buffer, 320}));
  EXPECT_NE(at("odd").buffer, at("y").buffer);  // not 64-byte aligned
  EXPECT_NE(at("column").buffer, at("y").buffer);
  EXPECT_EQ(s.buffers[at("y").buffer], 512);
  Storage unaligned = storage(g, parts, {.alignment = 1});
  EXPECT_EQ(unaligned.places[*g.find("odd")].offset, 4);
  Storage plain = storage(g, parts, {.reshape = false, .slice = false});
  EXPECT_EQ(plain.buffers.size(), g.values().size());
  EXPECT_EQ(std::count(plain.is_view.begin(), plain.is_view.end(), true), 0);
}

TEST(Storage, AnOutputMayBeAViewOfAnInput) {
  Builder b;
  ValueId x = b.input("x", f32({2, 3}));
  b.output(b.reshape(x, {6}));
  Graph g = b.finish();
  Storage s = storage(g, groups(g));
  EXPECT_EQ(s.places[ValueId{0}], s.places[ValueId{1}]);
  EXPECT_TRUE(s.is_view[0]);
  EXPECT_EQ(s.buffers.size(), 1u);
}

TEST(Storage, ConcatsShareOnlyWhenAskedAndAllowed) {
  Builder b;
  ValueId x = b.input("x", f32({1, 4, 16}));
  ValueId p = b.map(relu(), {x}, {}, "p"), q = b.softmax(x, 2, "q"),
          shared = b.softmax(x, 1, "shared");
  ValueId c = b.concat({p, q}, 1, "c");
  b.output(b.softmax(c, 1));
  b.output(b.concat({shared, x}, 1, "with_input"));
  b.output(b.concat({shared, shared}, 1, "twice"));
  Graph g = b.finish();
  auto parts = groups(g);
  Storage off = storage(g, parts), on = storage(g, parts, {.concat = true});
  auto at = [&](const Storage& s, const char* name) { return s.places[*g.find(name)]; };
  EXPECT_NE(at(off, "p").buffer, at(off, "c").buffer);
  EXPECT_EQ(at(on, "p"), (Place{at(on, "c").buffer, 0}));
  EXPECT_EQ(at(on, "q"), (Place{at(on, "c").buffer, 256}));
  EXPECT_NE(at(on, "with_input").buffer, at(on, "x").buffer);
  EXPECT_NE(at(on, "twice").buffer, at(on, "shared").buffer);
}

TEST(Storage, PlacesOfRandomGraphsFitTheirBuffers) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Graph g = random_graph(rng, {.opaque = true});
    auto parts = groups(g);
    for (bool concat : {false, true}) {
      Storage s = storage(g, parts, {.concat = concat, .alignment = 4});
      ASSERT_EQ(s.is_view.size(), parts.size());
      ById<BufferId, bool> used(s.buffers.size());
      for (const ValueId id : s.places.ids()) {
        const BufferId buffer = s.places[id].buffer;
        if (buffer == BufferId::none) continue;
        used[buffer] = true;
        ASSERT_LE(s.places[id].offset + bytes(g.value(id).type), s.buffers[buffer]);
        ASSERT_EQ(s.places[id].offset % 4, 0);
      }
      ASSERT_EQ(std::count(used.begin(), used.end(), false), 0);
      for (const Group& group : parts)
        for (ValueId id : group_outputs(g, group)) ASSERT_NE(s.places[id].buffer, BufferId::none);
    }
  }
}

}  // namespace
}  // namespace pliant
