#include "graph/passes/tile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "graph/check.h"
#include "graph/convolution_net.h"
#include "graph/passes/patterns.h"
#include "graph/random_graph.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

std::int64_t bands_in(const Graph& graph) {
  return std::count_if(graph.values().begin(), graph.values().end(), [](const Value& value) {
    return value.name.find(".band") != std::string::npos;
  });
}

// The reference sums in f64, so that only the order of padding terms could differ.
void expect_near(const std::vector<Tensor>& tiled, const std::vector<Tensor>& plain) {
  ASSERT_EQ(tiled.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(tiled[i].type(), plain[i].type());
    double most = 0, apart = 0;
    for (std::int64_t k = 0; k < elements(plain[i].type().shape); ++k) {
      most = std::max(most, std::fabs(get(plain[i].view(), k)));
      apart = std::max(apart, std::fabs(get(plain[i].view(), k) - get(tiled[i].view(), k)));
    }
    EXPECT_LE(apart, 1e-6 * most) << "output " << i;
  }
}

TEST(Tile, EqualsTheWholeOnRandomNetworks) {
  ThreadPool pool(1);
  std::int64_t bands = 0, tiled = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = ConvolutionNet(seed).make(7);
    Rng rng(seed);
    const WeightStore weights = random_weight_store(graph, rng);
    const std::vector<Tensor> inputs = random_inputs(graph, rng);
    const std::vector<Tensor> plain = evaluate(graph, weights, views_of(inputs), pool);
    for (const TileRules& rules : {TileRules{2, 0}, TileRules{3, -1}, TileRules{5, 0}}) {
      Graph cut;
      try {
        cut = tile(graph, rules);
      } catch (const Error&) {
        continue;  // too few rows
      }
      ++tiled;
      bands += bands_in(cut);
      EXPECT_EQ(cut.output_names(), graph.output_names());
      ASSERT_NO_FATAL_FAILURE(expect_near(evaluate(cut, weights, views_of(inputs), pool), plain));
    }
  }
  EXPECT_GT(tiled, 600);
  EXPECT_GT(bands, 6000);
}

// Two convolutions on 12 rows, an addition, and a mean, which works on the whole.
Graph two_convolutions() {
  Builder b;
  const ValueId x = b.input("x", f32({1, 2, 12, 4}));
  const ValueId w = b.weight("w", f32({2, 2, 3, 3}));
  const kind::Convolve same{{1, 1}, {1, 1}, {1, 1}, {1, 1}};
  const ValueId first = b.convolve(x, w, same, "first"),
                second = b.convolve(first, w, same, "second");
  const ValueId sum = b.map(argument(0) + argument(1), {first, second}, {}, "sum");
  b.output(b.reduce(kind::ReduceFn::mean, sum, {2, 3}), "mean");
  return b.finish();
}

TEST(Tile, BandsReadTheRowsThatTheirWindowsMeet) {
  const Graph graph = tile(two_convolutions(), {3, 0});
  const auto shape = [&](const char* name) { return graph.value(*graph.find(name)).type.shape; };
  EXPECT_EQ(shape("first.band0"), (Shape{1, 2, 4, 4}));
  EXPECT_EQ(shape("second.band1.rows"), (Shape{1, 2, 6, 4}));  // rows 3 to 8 of bands 0 to 2
  EXPECT_EQ(shape("second.band1.joined"), (Shape{1, 2, 12, 4}));
  EXPECT_EQ(shape("sum"), (Shape{1, 2, 12, 4}));  // joined for the mean
  const Op& middle = graph.op(graph.value(*graph.find("second.band1")).producer);
  EXPECT_EQ(std::get<kind::Convolve>(middle.kind).low, (kind::Sizes{0, 1}));
  const Op& top = graph.op(graph.value(*graph.find("second.band0")).producer);
  EXPECT_EQ(std::get<kind::Convolve>(top.kind).low, (kind::Sizes{1, 1}));
  EXPECT_EQ(std::get<kind::Convolve>(top.kind).high, (kind::Sizes{0, 1}));
}

TEST(Tile, RowsArePutTogetherInsideTheGroupThatReadsThem) {
  const Graph graph = tile(two_convolutions(), {3, 0});
  const std::vector<Group> plain = groups(graph),
                           halo = groups(graph, {.fuse = true, .halo = true});
  EXPECT_EQ(halo.size(), 3u * 3 + 2);  // a group per band of three operators, the join and the mean
  EXPECT_GT(plain.size(), halo.size());
  for (const Group& group : halo) {
    if (graph.op(group.ops.back()).name != "second.band1") continue;
    const GroupPattern pattern = *group_pattern(graph, group);
    EXPECT_EQ(pattern.assembly.size(), 2u);
    EXPECT_EQ(graph.op(pattern.anchor).name, "second.band1");
    EXPECT_EQ(group_inputs(graph, group).size(), 4u);  // three bands and the weight
  }
}

TEST(Tile, SmallOperatorsStayWhole) {
  Builder b;
  const ValueId x = b.input("x", f32({1, 2, 16, 16}));
  const ValueId w = b.weight("w", f32({2, 2, 1, 1}));
  const ValueId wide = b.convolve(x, w, {{1, 1}, {0, 0}, {0, 0}, {1, 1}}, "wide");
  const ValueId narrow = b.convolve(wide, w, {{4, 4}, {0, 0}, {0, 0}, {1, 1}}, "narrow");
  b.output(b.convolve(narrow, w, {{1, 1}, {0, 0}, {0, 0}, {1, 1}}, "last"));
  const Graph graph = tile(b.finish(), {2, -1});  // half of 4,096 bytes; `last` takes 256
  EXPECT_TRUE(graph.find("wide.band1"));
  EXPECT_TRUE(graph.find("narrow.band1"));
  EXPECT_FALSE(graph.find("last.band1"));
  EXPECT_TRUE(graph.find("narrow"));  // joined for it
}

TEST(Tile, RefusesWhatCannotBeCut) {
  EXPECT_NE(error_of([] {
              tile(two_convolutions(), {1, 0});
            }).find("1 is fewer than two bands"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              tile(two_convolutions(), {13, 0});
            }).find("works row by row on 13 rows or more"),
            std::string::npos);
  Builder b;
  b.output(b.reduce(kind::ReduceFn::mean, b.input("x", f32({1, 2, 8, 8})), {2, 3}));
  EXPECT_NE(error_of([&] { tile(b.finish(), {2, 0}); }).find("no operator"), std::string::npos);
}

}  // namespace
}  // namespace pliant
