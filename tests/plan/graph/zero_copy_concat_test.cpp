#include "plan/graph/zero_copy_concat.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace pliant::plan {
namespace {

class Net {
 public:
  Builder b;
  ValueId x = b.input("x", {DType::f32, {1, 2, 4, 4}});

  ValueId conv(ValueId from, std::int64_t out, const std::string& name) {
    const ValueId w = b.weight(name + ".w", {DType::f32, {out, b.shape(from)[1], 1, 1}});
    return b.convolve(from, w, {{1, 1}, {0, 0}, {0, 0}, {1, 1}}, name);
  }
  GraphProblem finish(ValueId out, std::int64_t alignment = 4) {
    b.output(out);
    return problem_of(b.finish(), {.concat_alignment = alignment, .workspace = {}});
  }
};

// "operator: run run ...", for operators that read any.
std::string runs_of(const GraphProblem& made) {
  std::string text;
  for (const Operator& op : made.problem.operators) {
    if (op.adjacent.empty()) continue;
    text += op.name + ":";
    for (const auto& run : op.adjacent) {
      text += " ";
      for (const TensorId t : run) text += made.problem.tensors[t].name;
    }
    text += "; ";
  }
  return text;
}

TEST(RunTogether, AReaderReadsThePartsAndTheConcatIsGone) {
  Net net;
  const ValueId joined =
      net.b.concat({net.conv(net.x, 3, "a"), net.conv(net.x, 5, "b")}, 1, "joined");
  const GraphProblem made = net.finish(net.conv(joined, 1, "last"));
  EXPECT_EQ(runs_of(made), "last: ab; ");
  EXPECT_EQ(made.problem.operators.size(), 3u);
  EXPECT_EQ(made.problem.operators.back().inputs.size(), 2u);
}

TEST(RunTogether, NestedConcatsShareTheirBeginning) {
  Net net;
  ValueId all = net.b.concat({net.conv(net.x, 3, "a"), net.conv(net.x, 2, "b")}, 1);
  const ValueId c = net.conv(all, 2, "c");
  all = net.b.concat({all, c}, 1);
  const ValueId d = net.conv(all, 2, "d");
  EXPECT_EQ(runs_of(net.finish(net.conv(net.b.concat({all, d}, 1), 1, "last"))),
            "c: ab; d: abc; last: abcd; ");
}

TEST(RunTogether, AViewOfTheWholeCounts) {
  Net net;
  const ValueId joined = net.b.concat({net.conv(net.x, 3, "a"), net.conv(net.x, 5, "b")}, 1);
  const ValueId flat = net.b.reshape(joined, {8, 16});
  EXPECT_EQ(runs_of(net.finish(net.b.softmax(flat, 1, "soft"))), "soft: ab; ");
}

TEST(RunTogether, ASecondNeighbourMeansCopying) {
  Net net;
  const ValueId a = net.conv(net.x, 3, "a"), b = net.conv(net.x, 2, "b"),
                c = net.conv(net.x, 2, "c");
  const ValueId ab = net.conv(net.b.concat({a, b}, 1), 1, "p"),
                ac = net.conv(net.b.concat({a, c}, 1, "copied"), 1, "q");
  const GraphProblem made = net.finish(net.b.map(argument(0) + argument(1), {ab, ac}, {}, "sum"));
  EXPECT_EQ(runs_of(made), "p: ab; ");
  EXPECT_TRUE(std::any_of(made.problem.operators.begin(), made.problem.operators.end(),
                          [](const Operator& op) { return op.name == "copied"; }));
}

TEST(RunTogether, CopiesWhatIsNoneOfItsBusiness) {
  const auto runs = [](auto&& make) {
    Net net;
    return runs_of(net.finish(make(net)));
  };
  // an input
  EXPECT_EQ(runs([](Net& n) {
              return n.conv(n.b.concat({n.x, n.conv(n.x, 2, "a")}, 1), 1, "last");
            }),
            "");
  // an output
  EXPECT_EQ(runs([](Net& n) {
              return n.b.concat({n.conv(n.x, 2, "a"), n.conv(n.x, 2, "b")}, 1);
            }),
            "");
  EXPECT_EQ(runs([](Net& n) {  // the same part twice
              const ValueId a = n.conv(n.x, 2, "a");
              return n.conv(n.b.concat({a, a}, 1), 1, "last");
            }),
            "");
  EXPECT_EQ(runs([](Net& n) {  // rows of several channels are not contiguous
              return n.conv(n.b.concat({n.conv(n.x, 2, "a"), n.conv(n.x, 2, "b")}, 2), 1, "last");
            }),
            "");
  EXPECT_EQ(runs([](Net& n) {  // a part that is an output
              const ValueId a = n.conv(n.x, 2, "a");
              n.b.output(a);
              return n.conv(n.b.concat({a, n.conv(n.x, 2, "b")}, 1), 1, "last");
            }),
            "");
}

TEST(RunTogether, PartsEndOnTheAlignment) {
  const auto runs = [](std::int64_t alignment) {
    Net net;
    // 192 and 64 bytes
    const ValueId joined = net.b.concat({net.conv(net.x, 3, "a"), net.conv(net.x, 1, "b")}, 1);
    return runs_of(net.finish(net.conv(joined, 1, "last"), alignment));
  };
  EXPECT_EQ(runs(64), "last: ab; ");
  EXPECT_EQ(runs(128), "");
}

}  // namespace
}  // namespace pliant::plan
