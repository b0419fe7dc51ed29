// Random graphs: operators, sizes, slots and what is secret drawn from a seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "machine/encrypted/graph/compare.h"

namespace pliant::encrypted {
namespace {

// Grows a graph from values that stay within [-1, 1] or so.
class Growing {
 public:
  explicit Growing(std::uint64_t seed) : rng_(seed) {
    for (const char* name : {"x", "y"}) {
      Shape shape;
      for (std::int64_t axes = rng_.between(1, 3); axes > 0; --axes)
        shape.push_back(rng_.between(1, 5));
      values_.push_back(b_.input(name, {DType::f32, shape}));
    }
  }

  Graph grown() {
    for (std::int64_t steps = rng_.between(1, 6); steps > 0; --steps) values_.push_back(step());
    b_.output(values_.back(), "o");
    if (rng_.below(2) == 0) b_.output(values_[values_.size() - 2], "p");
    return b_.finish();
  }

 private:
  ValueId any() { return values_[rng_.below(static_cast<std::int64_t>(values_.size()))]; }
  int axis(ValueId x) {
    return static_cast<int>(rng_.below(static_cast<std::int64_t>(b_.shape(x).size())));
  }
  ValueId weight(Shape shape) {
    return b_.weight("w" + std::to_string(weights_++), {DType::f32, std::move(shape)});
  }

  ValueId step() {
    const ValueId x = any();
    if (b_.shape(x).empty()) return b_.map(argument(0) * constant(.5), {x});
    switch (rng_.below(10)) {
      case 0: return b_.map(argument(0) * argument(1) - argument(0), {x, x});
      case 1: return with_tensor(x);
      case 2: return contracted(x);
      case 3:
        return b_.reduce(rng_.below(2) == 0 ? kind::ReduceFn::sum : kind::ReduceFn::mean, x,
                         {axis(x)}, rng_.below(2) == 0);
      case 4: return reshaped(x);
      case 5: return sliced(x);
      case 6: return b_.concat({x, b_.map(constant(.25) - argument(0), {x})}, axis(x));
      case 7: return padded(x);
      case 8: return b_.map(apply(Fn::sigmoid, {argument(0) * constant(.25)}), {x});
      default: return windows(x);
    }
  }

  ValueId with_tensor(ValueId x) {
    Shape shape = b_.shape(x);
    if (rng_.below(2) == 0) shape[axis(x)] = 1;
    if (rng_.below(3) == 0) shape.insert(shape.begin(), 2);
    const ValueId w = weight(shape);
    return rng_.below(2) == 0 ? b_.map(argument(0) * argument(1), {x, w})
                              : b_.map(argument(1) - argument(0), {x, w});
  }

  ValueId contracted(ValueId x) {
    std::string labels = "abcdefgh";
    labels.resize(b_.shape(x).size());
    std::string out = labels;
    std::shuffle(out.begin(), out.end(), rng_);
    const std::int64_t size = b_.shape(x)[labels.find(out[0])];
    switch (rng_.below(3)) {
      case 0: return b_.einsum(labels + "->" + out, {x});
      case 1:
        return b_.einsum(labels + ",z" + out[0] + "->" + out.substr(1) + "z",
                         {x, weight({rng_.between(1, 4), size})});
      default: return b_.einsum(labels + "," + labels + "->" + out.substr(1), {x, x});
    }
  }

  ValueId reshaped(ValueId x) {
    const std::int64_t count = elements(b_.shape(x));
    std::int64_t first = rng_.between(1, count);
    while (count % first != 0) --first;
    return b_.reshape(x, {first, count / first});
  }

  ValueId sliced(ValueId x) {
    const int at = axis(x);
    const std::int64_t size = b_.shape(x)[at], taken = rng_.between(1, size);
    return b_.slice(x, at, rng_.between(0, size - taken), taken);
  }

  ValueId padded(ValueId x) {
    kind::Pad pad;
    for (std::size_t i = 0; i < b_.shape(x).size(); ++i) {
      pad.low.push_back(rng_.between(0, 1));
      pad.high.push_back(rng_.between(0, 2));
      pad.interior.push_back(rng_.below(4) == 0 ? 1 : 0);
    }
    return b_.pad(x, pad);
  }

  ValueId windows(ValueId x) {
    const int at = axis(x);
    const std::int64_t size = rng_.between(1, std::min<std::int64_t>(b_.shape(x)[at], 3));
    const ValueId seen = b_.window(x, {{at}, {size}, {rng_.between(1, 2)}, {1}});
    std::string labels = "abcdefgh";
    labels.resize(b_.shape(seen).size());
    return b_.einsum(labels + "," + labels.back() + "->" + labels.substr(0, labels.size() - 1),
                     {seen, weight({size})});
  }

  Rng rng_;
  Builder b_;
  std::vector<ValueId> values_;
  int weights_ = 0;
};

bool depends_on(const Graph& graph, const std::set<std::string>& secret) {
  std::set<ValueId> reached;
  for (const ValueId id : graph.inputs())
    if (secret.contains(graph.value(id).name)) reached.insert(id);
  for (const Op& op : graph.ops())
    if (std::ranges::any_of(op.in, [&](ValueId id) { return reached.contains(id); }))
      reached.insert(op.out.begin(), op.out.end());
  return std::ranges::all_of(graph.outputs(), [&](ValueId id) { return reached.contains(id); });
}

// Whether there was anything to compare: outputs that depend on no secret are refused, and
// functions on wide ranges.
bool expect_equal(std::uint64_t seed) {
  const Graph graph = Growing(seed).grown();
  Rng rng(seed, 1);
  std::set<std::string> secret{"x", "y"};
  if (rng.below(2) == 0) secret.erase(rng.below(2) == 0 ? "x" : "y");
  if (!depends_on(graph, secret)) return false;
  const GraphOptions options{.slots = std::int64_t{1} << rng.between(2, 9),
                             .most_ciphertexts = 1 << 14};
  const Sample drawn = sample(graph, seed);
  GraphPlan planned;
  try {
    planned = plan(graph, secret, {}, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
    return false;
  }
  einsum::Simulator simulator({.slots = options.slots, .levels = planned.plan.levels()});
  const Compared compared = compare(planned, graph, drawn, simulator);
  EXPECT_LT(compared.difference, 1e-3 + planned.approximation) << "seed " << seed << "\n"
                                                               << explain(planned.plan);
  return true;
}

TEST(RandomGraphs, EqualTheReference) {
  const char* wish = std::getenv("PLIANT_ENCRYPTED_GRAPHS");  // how many: a long run
  const std::uint64_t count = wish != nullptr ? std::stoull(wish) : 1000;
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) compared += expect_equal(seed);
  EXPECT_GT(compared, count / 2);
}

// Two to four projections of one encrypted value, and what may become of each.
Graph projections(Rng& rng) {
  Builder b;
  const std::int64_t rows = rng.between(1, 6), columns = rng.between(2, 8);
  const ValueId x = b.input("x", {DType::f32, {rows, columns}});
  const std::int64_t count = rng.between(2, 4), width = rng.between(2, 8);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    const std::int64_t own = rng.below(2) == 0 ? width : rng.between(1, 8);
    const ValueId w = b.weight("w" + name, {DType::f32, {columns, own}});
    ValueId y = b.einsum("rc,co->ro", {x, w});
    switch (rng.below(6)) {
      case 0: y = b.map(argument(0) * constant(.5), {y}); break;
      case 1: y = b.map(apply(Fn::sigmoid, {argument(0) * constant(.1)}), {y}); break;
      case 2: y = b.einsum("ro,so->rs", {y, y}); break;
      case 3: y = b.reshape(y, {own, rows}); break;
      case 4: y = b.einsum("ro->r", {y}); break;
      default: break;
    }
    b.output(y, "o" + name);
  }
  return b.finish();
}

bool is_joint(const einsum::Plan& plan) {
  return std::ranges::any_of(plan.program.steps, [](const einsum::ProgramStep& step) {
    return std::holds_alternative<einsum::Transform>(step.action) && step.out.size() > 1;
  });
}

TEST(RandomGraphs, ProjectionsEqualTheReference) {
  int joint = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed);
    const Graph graph = projections(rng);
    GraphOptions options{.slots = std::int64_t{1} << rng.between(6, 9)};
    if (rng.below(2) == 0) options.costs.plain_product = 50;  // transforms win
    const GraphPlan planned = plan(graph, {"x"}, {}, options);
    einsum::Simulator simulator({.slots = options.slots, .levels = planned.plan.levels()});
    const Compared compared = compare(planned, graph, sample(graph, seed), simulator);
    ASSERT_LT(compared.difference, 1e-4 + planned.approximation) << "seed " << seed << "\n"
                                                                 << explain(planned.plan);
    joint += is_joint(planned.plan);
  }
  EXPECT_GT(joint, 30);
}

}  // namespace
}  // namespace pliant::encrypted
