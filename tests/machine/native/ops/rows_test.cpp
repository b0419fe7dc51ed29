#include "machine/native/check.h"

namespace pliant::native {
namespace {

using oracle::integers;
using oracle::list;
using oracle::normal;

const std::vector<Shape> shapes{{1},          {7},         {300},    {3, 5},     {4, 33, 2},
                                {2, 3, 4, 5}, {5, 1, 700}, {20, 16}, {2, 600, 3}};

TEST(NativeReduce, AgreesForEveryFunctionAndAxes) {
  using kind::ReduceFn;
  Rng rng(3);
  for (const Shape& shape : shapes) {
    for (unsigned mask = 1; mask < 1U << shape.size(); ++mask) {
      kind::Axes axes;
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis)
        if ((mask >> axis & 1U) != 0) axes.push_back(axis);
      SCOPED_TRACE(to_string(shape) + " mask " + std::to_string(mask));
      const Tensor x = normal(rng, shape);
      for (const ReduceFn fn : {ReduceFn::sum, ReduceFn::mean, ReduceFn::max, ReduceFn::min,
                                ReduceFn::product, ReduceFn::logsumexp})
        check(kind::Reduce{fn, axes, mask % 2 == 0}, list(x.copy()));
      if (axes.size() == 1) check(kind::Reduce{ReduceFn::argmax, axes, false}, list(x.copy()), 0);
    }
  }
}

TEST(NativeReduce, IntegersAreExact) {
  using kind::ReduceFn;
  Rng rng(4);
  for (const DType dtype : {DType::i32, DType::i64, DType::u8})
    for (const ReduceFn fn : {ReduceFn::sum, ReduceFn::max, ReduceFn::min, ReduceFn::argmax})
      check(kind::Reduce{fn, {1}, false}, list(integers(rng, {3, 4, 5}, 0, 9, dtype)), 0);
}

TEST(NativeReduce, LogsumexpOfInfinities) {
  const double inf = HUGE_VAL;
  check(kind::Reduce{kind::ReduceFn::logsumexp, {1}, false},
        list(Tensor::of(DType::f32, {3, 3}, {-inf, -inf, -inf, -inf, 1, 2, inf, 0, 1})));
  check(kind::Reduce{kind::ReduceFn::logsumexp, {0}, false},
        list(Tensor::of(DType::f32, {2, 3}, {-inf, -inf, inf, -inf, 1, 2})));
}

TEST(NativeSoftmax, ShortRowsGiveTheBitsOfARowByItself) {
  Rng rng(6);
  for (std::int64_t length = 1; length <= 18; ++length)
    for (const std::int64_t rows : {1, 7, 300}) {
      std::vector<Tensor> x = list(normal(rng, {rows, 2, length}));
      for (float& each : x[0].span<float>()) each *= 20;
      x[0].span<float>().back() = -HUGE_VALF;
      SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(length));
      if (length > 1) check(kind::Softmax{2}, x, 2e-6, 1, 1);
    }
}

TEST(NativeSoftmax, AgreesForEveryAxis) {
  Rng rng(5);
  for (const Shape& shape : shapes)
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis)
      check(kind::Softmax{axis}, list(normal(rng, shape)));
}

TEST(NativeNormalize, AgreesForEveryAxesWithAndWithoutCentring) {
  Rng rng(6);
  for (const Shape& shape : shapes) {
    for (unsigned mask = 1; mask < 1U << shape.size(); ++mask) {
      kind::Axes axes;
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis)
        if ((mask >> axis & 1U) != 0) axes.push_back(axis);
      SCOPED_TRACE(to_string(shape) + " mask " + std::to_string(mask));
      for (const bool centre : {true, false})
        for (const int results : {1, 3})
          check(kind::Normalize{axes, 1e-2, centre}, list(normal(rng, shape)), 1e-5, results);
    }
  }
}

TEST(NativeNormalize, AFarMeanKeepsItsVariance) {
  Rng rng(7);
  Tensor x = normal(rng, {2, 1000});
  for (float& each : x.span<float>()) each = each * 0.5F + 1000.0F;
  check(kind::Normalize{{1}, 1e-5, true}, list(std::move(x)), 1e-3, 1);
}

TEST(NativeRotary, AgreesForBothStyles) {
  Rng rng(8);
  for (const auto style : {kind::RotaryStyle::halves, kind::RotaryStyle::pairs})
    for (const std::int64_t dims : {2, 6, 8})
      check(kind::Rotary{dims, 10000, 0.5, style},
            list(normal(rng, {9, 3, 8}), integers(rng, {9}, 0, 4000)));
  check(kind::Rotary{6}, list(normal(rng, {9, 3, 8}), integers(rng, {9}, 0, 4000),
                              Tensor::of(DType::f32, {3}, {1, 2.5, 32})));
}

void check_attention(kind::Attention kind, std::int64_t rows, std::int64_t heads,
                     std::int64_t key_heads) {
  Rng rng(9);
  std::vector<Tensor> operands =
      list(normal(rng, {rows, heads, 20}), normal(rng, {rows, key_heads, 20}),
           normal(rng, {rows, key_heads, 33}), integers(rng, {rows}, -1, 2),
           integers(rng, {rows}, 0, 15), integers(rng, {rows}, 0, 1));
  if (kind.has_bias) operands.push_back(normal(rng, {heads, 16, 16}));
  if (kind.has_tree) operands.push_back(integers(rng, {rows, rows}, 0, 1, DType::boolean));
  check(kind, operands);
}

TEST(NativeAttention, AgreesForEveryMask) {
  for (const std::int64_t rows : {1, 5, 40, 300}) {
    check_attention({0.3, true, 0, -1, false, false}, rows, 4, 2);
    check_attention({0.3, false, 0, -1, false, false}, rows, 2, 1);
    check_attention({0.3, true, 3, -1, true, false}, rows, 2, 2);
    check_attention({0.3, false, 0, -1, false, true}, rows, 3, 3);
    check_attention({0.3, true, 5, -1, true, true}, rows, 4, 1);
    check_attention({0.3, true, 0, -1, true, false, 1.25}, rows, 4, 2);
  }
}

TEST(NativeAttention, PositionOutsideOfTheBiasIsNamed) {
  const Graph graph =
      oracle::one_operator(kind::Attention{1, true, 0, -1, true, false}, {{DType::f32, {1, 1, 2}},
                                                                          {DType::f32, {1, 1, 2}},
                                                                          {DType::f32, {1, 1, 2}},
                                                                          {DType::i32, {1}},
                                                                          {DType::i32, {1}},
                                                                          {DType::i32, {1}},
                                                                          {DType::f32, {1, 4, 4}}});
  const auto kernel = make_kernel(graph, Group{{OpId{0}}});
  std::vector<Tensor> operands;
  for (const ValueId id : graph.inputs()) operands.emplace_back(graph.value(id).type);
  operands[4].span<std::int32_t>()[0] = 4;
  const Error error = thrown_by([&] {
    run_guarded(*kernel, oracle::views(operands), {{DType::f32, {1, 1, 2}}}, 1);
  });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(std::string(error.what()).find("position 4"), std::string::npos) << error.what();
}

TEST(NativeCrossEntropy, AgreesWithoutLogits) {
  Rng rng(10);
  for (const std::int64_t entries : {1, 63, 64, 200})
    check(kind::CrossEntropy{},
          list(normal(rng, {11, 24}), normal(rng, {entries, 24}),
               integers(rng, {11}, -1, entries - 1)),
          2e-6, 2);
}

}  // namespace
}  // namespace pliant::native
