#include "machine/torch/patterns.h"

#include <gtest/gtest.h>

#include "graph/blocks.h"
#include "graph/builder.h"
#include "models/language/openelm.h"

namespace pliant::aten {
namespace {

TEST(TorchPatterns, AreWhatOpenElmIsMadeOf) {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.layers.resize(2);
  const Graph graph = loss_graph(config, 16, 1e-4);
  const Readers readers(graph);
  int norms = 0, residual = 0, heads = 0, gates = 0, joined = 0, single = 0;
  for (const OpId id : graph.ops().ids()) {
    if (const auto found = norm_pattern(graph, readers, id)) {
      EXPECT_NE(found->weight, ValueId::none);
      ++norms;
      residual += found->delta != ValueId::none ? 1 : 0;
    }
    if (const auto found = heads_pattern(graph, readers, id); found && found->normed) {
      EXPECT_EQ(found->ops.size(), 3u);
      ++heads;
    }
    gates += gated_pattern(graph, id) ? 1 : 0;
    const auto found = linear_pattern(graph, readers, id);
    joined += found && found->parts.size() == 3 ? 1 : 0;
    single += found && found->parts.size() == 1 ? 1 : 0;
  }
  EXPECT_EQ(norms, 2 * 4 + 1);  // q and k have one too
  EXPECT_EQ(residual, 2 * 2);   // all but the first of the hidden rows
  EXPECT_EQ(heads, 2 * 2);
  EXPECT_EQ(gates, 2);
  EXPECT_EQ(joined, 2 * 3);  // found from each of q, k and v
  EXPECT_EQ(single, 2 * 4);  // output, gate, up, down
}

// x, its norm and the norm's product with a weight, one of them seen by somebody else.
TEST(TorchPatterns, LeaveWhatOthersSee) {
  for (const bool seen : {false, true}) {
    Builder b;
    const ValueId x = b.input("x", {DType::f32, {4, 6}}), w = b.weight("w", {DType::f32, {6}});
    const ValueId y = b.normalize(x, {-1}, 1e-6, false, "norm");
    b.output(blocks::multiply(b, y, w));
    if (seen) b.output(y);
    const Graph graph = b.finish();
    const auto found = norm_pattern(graph, Readers(graph), graph.value(y).producer);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ops.size(), seen ? 1u : 2u);
    EXPECT_EQ(found->weight == ValueId::none, seen);
  }
}

TEST(TorchPatterns, HeedAxesMeansAndShapes) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 6}}), row = b.weight("row", {DType::f32, {4, 1}});
  const ValueId centred = b.normalize(x, {-1}, 1e-6, true),
                columns = b.normalize(x, {0}, 1e-6, false),
                plain = b.normalize(x, {-1}, 1e-6, false);
  const ValueId scaled = blocks::multiply(b, plain, row),
                swapped =
                    b.map(argument(0) * apply(Fn::silu, {argument(1)}), {x, x}, {}, "swapped");
  for (const ValueId each : {centred, columns, scaled, swapped}) b.output(each);
  const Graph graph = b.finish();
  const Readers readers(graph);
  const auto maker = [&](ValueId id) { return graph.value(id).producer; };
  EXPECT_FALSE(norm_pattern(graph, readers, maker(centred)));
  EXPECT_FALSE(norm_pattern(graph, readers, maker(columns)));
  ASSERT_TRUE(norm_pattern(graph, readers, maker(plain)));
  EXPECT_EQ(norm_pattern(graph, readers, maker(plain))->weight, ValueId::none);
  EXPECT_FALSE(gated_pattern(graph, maker(swapped)));
}

TEST(TorchPatterns, JoinOnlyNeighbouringRowsOfOneWeight) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4, 6}}), w = b.weight("w", {DType::f32, {9, 6}});
  const auto product = [&](std::int64_t first, std::int64_t count) {
    return blocks::linear(b, x, b.slice(w, 0, first, count));
  };
  const ValueId low = product(0, 3), high = product(5, 4);  // rows 3 and 4 are missing
  b.output(low);
  b.output(high);
  const Graph graph = b.finish();
  const auto found = linear_pattern(graph, Readers(graph), graph.value(high).producer);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->parts.size(), 1u);
  EXPECT_EQ(found->parts[0].first, 5);
  EXPECT_EQ(found->parts[0].count, 4);
}

}  // namespace
}  // namespace pliant::aten
