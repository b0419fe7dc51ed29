#include "graph/random_graph.h"

#include <gtest/gtest.h>

#include <map>

namespace pliant {
namespace {

void expect_well_formed(const Graph& g) {
  for (const OpId at : g.ops().ids()) {
    const Op& op = g.op(at);
    std::vector<TensorType> operands, results;
    for (ValueId id : op.in) {
      ASSERT_LT(g.value(id).producer, at);
      operands.push_back(g.value(id).type);
    }
    for (ValueId id : op.out) {
      ASSERT_EQ(g.value(id).producer, at);
      results.push_back(g.value(id).type);
    }
    ASSERT_EQ(result_types(op.kind, operands, op.name, static_cast<int>(results.size())), results);
  }
}

TEST(RandomGraph, IsWellFormedAndCoversAllKinds) {
  std::map<std::string_view, int> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    Graph g = random_graph(rng, {.opaque = true});
    expect_well_formed(g);
    for (const Op& op : g.ops()) ++seen[name(op.kind)];
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<Kind>);
}

TEST(RandomGraph, RowGraphsAreProved) {
  std::map<std::string_view, int> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    Graph g = random_graph(rng, {.rows = 6});
    expect_well_formed(g);
    EXPECT_EQ(g.rows(), 6);
    for (const Op& op : g.ops()) ++seen[name(op.kind)];
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<Kind> - 1);
}

}  // namespace
}  // namespace pliant
