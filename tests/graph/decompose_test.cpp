#include "graph/decompose.h"

#include "graph/passes/passes.h"
#include "graph/random_kinds.h"

namespace pliant {
namespace {

using namespace oracle;

void expect_equal_decomposed(const Case& c, double tolerance) {
  std::vector<TensorType> types;
  for (const Tensor& operand : c.operands) types.push_back(operand.type());
  const Graph whole = one_operator(c.kind, types, c.results), parts = decompose(whole);
  for (const Op& op : parts.ops()) ASSERT_FALSE(is_composite(op.kind)) << op.name;
  const auto wanted = run(whole, c.operands), got = run(parts, c.operands);
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].type(), wanted[i].type());
    expect_close(values(got[i]), values(wanted[i]), tolerance);
  }
}

TEST(Decompose, EqualsTheCompositeOnRandomOperators) {
  Rng rng(21);
  for (const Maker make : composite_makers)
    for (int i = 0; i < 120; ++i) {
      const Case c = make(rng, DType::f32);
      SCOPED_TRACE(std::string(name(c.kind)) + " " + std::to_string(i));
      // what f32 between the operators costs; the mean of two neighbours cancels
      expect_equal_decomposed(c, std::holds_alternative<kind::Normalize>(c.kind) ? 2e-5 : 1e-6);
      if (::testing::Test::HasFatalFailure()) return;
    }
}

TEST(Decompose, IsExactToF64WhereOperandsAre) {
  Rng rng(22);
  for (const Maker make : composite_makers)
    for (int i = 0; i < 60; ++i) {
      const Case c = make(rng, DType::f64);
      SCOPED_TRACE(std::string(name(c.kind)) + " " + std::to_string(i));
      expect_equal_decomposed(c, std::holds_alternative<kind::CrossEntropy>(c.kind) ? 1e-6 : 1e-12);
      if (::testing::Test::HasFatalFailure()) return;
    }
}

TEST(Decompose, WidensHalvesInBetween) {
  Rng rng(23);
  for (const Maker make : composite_makers)
    for (const DType dtype : {DType::f16, DType::bf16})
      for (int i = 0; i < 30; ++i) {
        const Case c = make(rng, dtype);
        SCOPED_TRACE(std::string(name(c.kind)) + " " + std::to_string(i));
        // one rounding of the result
        expect_equal_decomposed(c, dtype == DType::f16 ? 1e-3 : 8e-3);
        if (::testing::Test::HasFatalFailure()) return;
      }
}

TEST(Decompose, KeepsWhatIsAskedForAndAllNames) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 3}});
  const ValueId y = b.softmax(x, 1, "first"), z = b.normalize(y, {1}, 1e-5, true, "second");
  b.output(z, "result");
  const Graph graph = b.finish();
  const Graph half =
      decompose(graph, [](const Op& op) { return std::holds_alternative<kind::Softmax>(op.kind); });
  EXPECT_EQ(std::ranges::count_if(half.ops(), [](const Op& op) { return is_composite(op.kind); }),
            1);
  EXPECT_TRUE(half.find("first").has_value());
  EXPECT_EQ(half.value(half.outputs()[0]).name, graph.value(graph.outputs()[0]).name);
  EXPECT_EQ(half.output_names(), graph.output_names());
  const Graph same = decompose(graph, [](const Op&) { return true; });
  ASSERT_EQ(same.ops().size(), graph.ops().size());
  for (const OpId id : same.ops().ids()) {
    EXPECT_EQ(same.op(id).kind, graph.op(id).kind);
    EXPECT_EQ(same.op(id).name, graph.op(id).name);
  }
}

TEST(Decompose, CarriesSurvive) {
  Builder b;
  const ValueId state = b.input("state", {DType::f32, {2}});
  b.carry(state, b.softmax(state, 0, "next"));
  const Graph parts = decompose(b.finish());
  ASSERT_EQ(parts.carries().size(), 1u);
  EXPECT_EQ(parts.value(parts.carries()[0].in).name, "state");
  EXPECT_EQ(parts.value(parts.carries()[0].out).name, "next");
}

}  // namespace
}  // namespace pliant
