#include "machine/native/check.h"

namespace pliant::native {
namespace {

using oracle::integers;
using oracle::list;
using oracle::normal;

Tensor spread(Rng& rng, std::int64_t n, double scale) {
  Tensor x({DType::f32, {n}});
  for (float& each : x.span<float>())
    each = static_cast<float>(rng.normal() * std::exp(rng.normal() * 2) * scale);
  return x;
}

// Relative error of one function against the oracle's f64, beside an absolute floor.
void expect_accurate(Fn fn, const Tensor& x, double floor = 1e-30) {
  const Graph graph =
      oracle::one_operator(kind::Map{apply(fn, {argument(0)}), DType::f32}, {x.type()});
  for (const Isa isa : available_isas()) {
    const auto kernel = make_kernel(graph, Group{{OpId{0}}}, {isa, true});
    const Tensor got = std::move(run_guarded(*kernel, {x.view()}, {x.type()}, 1)[0]);
    for (std::int64_t i = 0; i < elements(x.type().shape); ++i) {
      const double in = get(x.view(), i),
                   wanted = evaluate(apply(fn, {argument(0)}), std::vector<double>{in});
      const double value = get(got.view(), i);
      if (std::isnan(wanted)) {
        ASSERT_TRUE(std::isnan(value)) << pliant::name(fn) << "(" << in << ") = " << value;
      } else if (std::isinf(wanted) || std::abs(wanted) > 3.4e38) {
        ASSERT_EQ(value, std::copysign(HUGE_VAL, wanted)) << pliant::name(fn) << "(" << in << ")";
      } else {
        ASSERT_NEAR(value, wanted, 1e-6 * std::abs(wanted) + floor)
            << pliant::name(fn) << "(" << in << ") on " << native::name(isa);
      }
    }
  }
}

TEST(NativeMap, FunctionsAreAccurate) {
  Rng rng(1);
  const Tensor x = spread(rng, 3001, 1), large = spread(rng, 500, 1000);
  for (const Fn fn : {Fn::negate, Fn::absolute, Fn::sign, Fn::reciprocal, Fn::floor, Fn::ceil,
                      Fn::round_even, Fn::truncate, Fn::not_, Fn::is_nan, Fn::stop, Fn::sqrt,
                      Fn::rsqrt, Fn::log, Fn::tanh, Fn::erf, Fn::sigmoid})
    for (const Tensor* each : {&x, &large}) expect_accurate(fn, *each, 1.5e-38);
  expect_accurate(Fn::exp, x, 1.5e-38);
  expect_accurate(Fn::silu, x, 1e-30);
  expect_accurate(Fn::sin, large, 2e-7);
  expect_accurate(Fn::cos, large, 2e-7);
  for (const Fn fn : {Fn::gelu, Fn::gelu_tanh}) expect_accurate(fn, x, 1e-7);
}

TEST(NativeMap, SpecialValues) {
  const double inf = HUGE_VAL;
  const Tensor x = Tensor::of(DType::f32, {10}, {0, -0.0, inf, -inf, NAN, 1, -1, 88, 89, -104});
  for (const Fn fn : {Fn::exp, Fn::log, Fn::tanh, Fn::sigmoid, Fn::sqrt, Fn::reciprocal, Fn::erf,
                      Fn::absolute, Fn::floor, Fn::is_nan, Fn::negate})
    expect_accurate(fn, x, 1e-37);
}

// A value through a row of simple steps stays in registers; on either side of a step there may be a
// NaN.
TEST(NativeMap, ChainsGiveTheInterpretersBits) {
  Rng rng(5);
  const Expr x = argument(0), row = argument(1), channel = argument(2);
  for (const Expr& chain :
       {maximum(x + channel, constant(0)), maximum(constant(0), x * channel + row),
        minimum(maximum(x, row), channel), minimum(channel, maximum(row, constant(2) - x)),
        row - (channel - x), (x - row) * (x - row), x + x,
        maximum(minimum((constant(3) * (row - x) + channel) * channel, row), channel) - row +
            channel - row + row})
    for (const std::int64_t width : {1, 3, 16, 31, 64, 77, 200}) {
      SCOPED_TRACE(to_string(chain) + " of width " + std::to_string(width));
      std::vector<Tensor> operands =
          list(normal(rng, {3, width}), normal(rng, {3, width}), normal(rng, {3, 1}));
      operands[0].span<float>()[0] = operands[1].span<float>().back() = NAN;
      check(kind::Map{chain, DType::f32}, operands);
    }
}

TEST(NativeMap, FunctionsOfTwoAndThree) {
  Rng rng(2);
  const std::vector<Tensor> operands =
      list(spread(rng, 700, 1), spread(rng, 700, 1), integers(rng, {700}, 0, 1, DType::f32));
  const Expr a = argument(0), b = argument(1), c = argument(2);
  for (const Fn fn : {Fn::add, Fn::subtract, Fn::multiply, Fn::divide, Fn::minimum, Fn::maximum,
                      Fn::modulo, Fn::equal, Fn::less, Fn::less_equal, Fn::and_, Fn::or_})
    check(kind::Map{apply(fn, {a, b}) + c, DType::f32}, operands, 1e-6);
  check(kind::Map{select(c, a, b), DType::f32}, operands, 0);
}

TEST(NativeMap, PowersOfEveryKind) {
  Rng rng(3);
  Tensor x = spread(rng, 500, 1);
  for (float& each : x.span<float>()) each = std::abs(each) + 0.01F;
  for (const double exponent :
       {0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0, -0.5, -0.75, -1.0, 1.3, -2.7, 7.0})
    check(kind::Map{apply(Fn::power, {argument(0), constant(exponent)}), DType::f32},
          list(x.copy()), 1e-6);
  check(kind::Map{apply(Fn::power, {argument(0), argument(1)}), DType::f32},
        list(x.copy(), normal(rng, {500})), 1e-6);
}

TEST(NativeMap, OperandsBroadcast) {
  Rng rng(4);
  const std::vector<std::vector<Shape>> cases{{{2, 3, 4}, {3, 1}},
                                              {{5, 1, 7}, {1, 6, 1}},
                                              {{300}, {}},
                                              {{}, {}},
                                              {{2, 600}, {600}},
                                              {{4, 1, 1}, {1, 3, 50}},
                                              {{2, 8, 17, 5}, {8, 1, 1}},
                                              {{1}, {9, 1}},
                                              {{0, 3}, {3}}};
  const Expr expr = argument(0) * constant(2) + apply(Fn::silu, {argument(1)});
  for (const auto& each : cases)
    check(kind::Map{expr, DType::f32}, list(normal(rng, each[0]), normal(rng, each[1])));
}

TEST(NativeMap, ConvertsBetweenTypes) {
  Rng rng(5);
  for (const DType from : {DType::f32, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i16,
                           DType::u16, DType::i32, DType::u32, DType::i64, DType::boolean})
    for (const DType to : {DType::f32, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i16,
                           DType::i32, DType::i64, DType::boolean}) {
      SCOPED_TRACE(std::string(pliant::name(from)) + " to " + std::string(pliant::name(to)));
      Tensor x = is_float(from) ? normal(rng, {67}, from) : integers(rng, {67}, 0, 300, from);
      check(kind::Map{argument(0), to}, list(std::move(x)), 1e-7);
    }
}

TEST(NativeMap, IntegersAreExact) {
  Rng rng(6);
  const Expr a = argument(0), b = argument(1);
  for (const Fn fn : {Fn::add, Fn::subtract, Fn::multiply, Fn::divide, Fn::modulo, Fn::minimum,
                      Fn::maximum, Fn::less, Fn::equal}) {
    check(kind::Map{apply(fn, {a, b}), DType::i64},
          list(integers(rng, {5, 40}, -1000000000, 1000000000, DType::i64),
               integers(rng, {40}, -5, 5, DType::i32)),
          0);
    check(kind::Map{apply(fn, {a, b}), DType::i32},
          list(integers(rng, {33}, -9, 9, DType::i32), integers(rng, {33}, -5, 5, DType::i32)), 0);
  }
}

TEST(NativeMap, ALongExpressionOfManyOperands) {
  Rng rng(7);
  std::vector<Tensor> operands;
  Expr expr = argument(0);
  operands.push_back(normal(rng, {3, 100}));
  for (int i = 1; i < 25; ++i) {
    operands.push_back(normal(rng, i % 2 == 0 ? Shape{3, 100} : Shape{3, 1}));
    expr = i % 3 == 0 ? maximum(expr, argument(i)) : expr + argument(i);
  }
  check(kind::Map{expr, DType::f32}, operands);
}

}  // namespace
}  // namespace pliant::native
