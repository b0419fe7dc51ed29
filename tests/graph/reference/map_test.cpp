#include <limits>

#include "graph/one_operator.h"

namespace pliant {
namespace {

using namespace oracle;
using kind::ReduceFn;

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(ReferenceMap, Broadcasts) {
  const auto out =
      run(kind::Map{argument(0) * constant(10) + argument(1) - argument(2), DType::f32},
          list(Tensor::of(DType::f32, {2, 1}, {1, 2}), Tensor::of(DType::f32, {3}, {1, 2, 3}),
               Tensor::of(DType::f32, {}, {0.5})));
  EXPECT_EQ(out[0].type().shape, (Shape{2, 3}));
  EXPECT_EQ(values(out[0]), (std::vector<double>{10.5, 11.5, 12.5, 20.5, 21.5, 22.5}));
}

TEST(ReferenceMap, ComputesIntegersExactly) {
  Tensor x(TensorType{DType::i64, {1}});
  set_int(x.view(), 0, (std::int64_t{1} << 60) + 1);
  const auto out = run(kind::Map{argument(0) + constant(1), DType::i64}, list(x.copy()));
  EXPECT_EQ(get_int(out[0].view(), 0), (std::int64_t{1} << 60) + 2);
}

TEST(ReferenceMap, ConversionsRoundToEvenAndSaturate) {
  const Tensor x = Tensor::of(DType::f64, {7}, {0.5, 1.5, 2.5, -0.5, 1000, -1000, std::nan("")});
  EXPECT_EQ(values(run(kind::Map{argument(0), DType::i8}, list(x.copy()))[0]),
            (std::vector<double>{0, 2, 2, 0, 127, -128, 0}));
  EXPECT_EQ(values(run(kind::Map{argument(0), DType::u8}, list(x.copy()))[0]),
            (std::vector<double>{0, 2, 2, 0, 255, 0, 0}));
}

TEST(ReferenceMap, ResultsAreStoredInTheirType) {
  const auto out =
      run(kind::Map{argument(0) / constant(3), DType::f16}, list(Tensor::of(DType::f32, {1}, {1})));
  EXPECT_EQ(get(out[0].view(), 0), double(f16_to_f32(f32_to_f16(1.0F / 3.0F))));
}

TEST(ReferenceMap, ComparesMixedTypes) {
  const Expr less = apply(Fn::less, {argument(0), argument(1)});
  const auto out = run(kind::Map{less, DType::boolean}, list(Tensor::of(DType::i32, {3}, {1, 2, 3}),
                                                             Tensor::of(DType::f32, {}, {2.5})));
  EXPECT_EQ(values(out[0]), (std::vector<double>{1, 1, 0}));
}

std::vector<double> reduced(ReduceFn fn, const Tensor& x, const kind::Axes& axes) {
  return values(run(kind::Reduce{fn, axes, false}, list(x.copy()))[0]);
}

TEST(ReferenceReduce, EveryFunctionOnSmallValues) {
  const Tensor x = Tensor::of(DType::f64, {2, 3}, {1, 5, 2, -4, 3, 3});
  EXPECT_EQ(reduced(ReduceFn::sum, x, {1}), (std::vector<double>{8, 2}));
  EXPECT_EQ(reduced(ReduceFn::sum, x, {0}), (std::vector<double>{-3, 8, 5}));
  EXPECT_EQ(reduced(ReduceFn::sum, x, {0, 1}), (std::vector<double>{10}));
  EXPECT_EQ(reduced(ReduceFn::mean, x, {0}), (std::vector<double>{-1.5, 4, 2.5}));
  EXPECT_EQ(reduced(ReduceFn::max, x, {1}), (std::vector<double>{5, 3}));
  EXPECT_EQ(reduced(ReduceFn::min, x, {1}), (std::vector<double>{1, -4}));
  EXPECT_EQ(reduced(ReduceFn::product, x, {1}), (std::vector<double>{10, -36}));
  EXPECT_EQ(reduced(ReduceFn::argmax, x, {1}), (std::vector<double>{1, 1}));
  expect_close(reduced(ReduceFn::logsumexp, x, {0}),
               {std::log(std::exp(1) + std::exp(-4)), std::log(std::exp(5) + std::exp(3)),
                std::log(std::exp(2) + std::exp(3))},
               1e-15);
}

TEST(ReferenceReduce, KeepLeavesSizeOne) {
  const auto out =
      run(kind::Reduce{ReduceFn::sum, {0, 2}, true}, list(counting(DType::f32, {2, 3, 4})));
  EXPECT_EQ(out[0].type().shape, (Shape{1, 3, 1}));
  EXPECT_EQ(values(out[0]), (std::vector<double>{60, 92, 124}));
}

TEST(ReferenceReduce, LogSumExpNeitherOverflowsNorInvents) {
  const Tensor x = Tensor::of(DType::f64, {3, 2}, {1000, 1000, -infinity, -infinity, infinity, 0});
  const auto out = reduced(ReduceFn::logsumexp, x, {1});
  EXPECT_NEAR(out[0], 1000 + std::log(2), 1e-12);
  EXPECT_EQ(out[1], -infinity);
  EXPECT_EQ(out[2], infinity);
}

TEST(ReferenceReduce, NotANumberWinsMaxAndMin) {
  const Tensor x = Tensor::of(DType::f32, {3}, {1, std::nan(""), 2});
  EXPECT_TRUE(std::isnan(reduced(ReduceFn::max, x, {0})[0]));
  EXPECT_TRUE(std::isnan(reduced(ReduceFn::min, x, {0})[0]));
}

TEST(ReferenceReduce, IntegersOfEveryType) {
  for (const DType dtype : {DType::i8, DType::u8, DType::i16, DType::u16, DType::i32, DType::u32,
                            DType::i64, DType::u64}) {
    const Tensor x = Tensor::of(dtype, {4}, {3, 7, 1, 7});
    EXPECT_EQ(reduced(ReduceFn::sum, x, {0})[0], 18);
    EXPECT_EQ(reduced(ReduceFn::max, x, {0})[0], 7);
    EXPECT_EQ(reduced(ReduceFn::min, x, {0})[0], 1);
    EXPECT_EQ(reduced(ReduceFn::argmax, x, {0})[0], 1);
  }
  EXPECT_EQ(reduced(ReduceFn::product, Tensor::of(DType::i32, {3}, {3, -7, 2}), {0})[0], -42);
}

}  // namespace
}  // namespace pliant
