#include "graph/kinds/expr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/rng.h"

namespace pliant {
namespace {

Expr random_expr(Rng& rng, int arguments, int steps) {
  std::vector<Expr> pool = {constant(rng.normal()), constant(0.5)};
  for (int i = 0; i < arguments; ++i) pool.push_back(argument(i));
  for (int i = 0; i < steps; ++i) {
    Fn fn = static_cast<Fn>(rng.between(static_cast<int>(Fn::add), static_cast<int>(Fn::select)));
    std::vector<Expr> operands;
    for (int k = 0; k < arity(fn); ++k)
      operands.push_back(pool[rng.below(static_cast<std::int64_t>(pool.size()))]);
    Expr next = pliant::apply(fn, operands);
    if (next.code.size() <= 40) pool.push_back(next);
  }
  return pool.back();
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(Expr, SharesEqualSubexpressions) {
  Expr t = apply(Fn::tanh, {argument(0) + argument(1)});
  Expr twice = t * t + t;
  EXPECT_EQ(twice.code.size(), 6u);  // two arguments, add, tanh, multiply, add
  Expr x = argument(0);
  for (int i = 0; i < 60; ++i) x = x * x;  // 2^60 leaves if written as a tree
  EXPECT_EQ(x.code.size(), 61u);
  EXPECT_EQ(expr_from_text(to_string(x)), x);
}

TEST(Expr, TextReadsBackEqual) {
  Rng rng(11);
  for (int round = 0; round < 2000; ++round) {
    Expr expr = random_expr(rng, 3, 12);
    ASSERT_EQ(expr_from_text(to_string(expr)), expr) << to_string(expr);
  }
}

TEST(Expr, TextIsReadable) {
  EXPECT_EQ(to_string(maximum(argument(0) + argument(1), constant(0))), "maximum(add($0,$1),0)");
  Expr t = apply(Fn::tanh, {argument(0)});
  EXPECT_EQ(to_string(t * t), "multiply(t0=tanh($0),t0)");
  EXPECT_EQ(to_string(constant(-0.0)), "-0");
  EXPECT_EQ(expr_from_text(" add( $0 , -inf ) "), argument(0) + constant(-INFINITY));
  EXPECT_EQ(expr_from_text("nan"), constant(NAN));
  EXPECT_NE(constant(0.0), constant(-0.0));
}

TEST(Expr, ComposeSubstitutes) {
  Rng rng(5);
  for (int round = 0; round < 500; ++round) {
    Expr outer = random_expr(rng, 2, 4);
    std::vector<Expr> inner = {random_expr(rng, 3, 3), random_expr(rng, 3, 3)};
    double x[] = {rng.normal(), rng.normal(), rng.normal()};
    double y[] = {evaluate(inner[0], x), evaluate(inner[1], x)};
    Expr composed = compose(outer, inner);
    ASSERT_TRUE(same(evaluate(composed, x), evaluate(outer, y)));
    ASSERT_EQ(canonical(composed), composed);
  }
}

TEST(Expr, CanonicalDropsWhatIsUnused) {
  Expr expr{{{Fn::argument, 3}, {Fn::argument, 0}, {Fn::argument, 0}, {Fn::add, 1, 2}}};
  EXPECT_EQ(canonical(expr), argument(0) + argument(0));
  EXPECT_EQ(argument_count(expr), 4);
  EXPECT_EQ(argument_count(canonical(expr)), 1);
  EXPECT_EQ(argument_count(constant(1)), 0);
}

TEST(Expr, EvaluatesReals) {
  auto value = [](std::string_view text, double x = 0, double y = 0) {
    double operands[] = {x, y};
    return evaluate(expr_from_text(text), operands);
  };
  EXPECT_DOUBLE_EQ(value("gelu($0)", 1.0), 0.84134474606854293);
  EXPECT_NEAR(value("gelu_tanh($0)", 1.0), 0.8411919906082768, 1e-12);
  EXPECT_DOUBLE_EQ(value("silu($0)", 2.0), 2 / (1 + std::exp(-2.0)));
  EXPECT_EQ(value("modulo($0,3)", -7), -1);
  EXPECT_EQ(value("round_even(2.5)"), 2);
  EXPECT_EQ(value("select(less($0,$1),10,20)", 1, 2), 10);
  EXPECT_EQ(value("and(not($0),or($1,0))", 0, 5), 1);
  EXPECT_EQ(value("rsqrt($0)", 4), 0.5);
  EXPECT_TRUE(std::isnan(value("maximum($0,0)", NAN)));  // a NaN in the first operand stays
  EXPECT_EQ(value("maximum(0,$0)", NAN), 0);
}

TEST(Expr, EvaluatesIntegersWithWrapping) {
  auto value = [](std::string_view text, std::int64_t x = 0, std::int64_t y = 0) {
    std::int64_t operands[] = {x, y};
    return evaluate_int(expr_from_text(text), operands);
  };
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(value("divide($0,$1)", -7, 2), -3);
  EXPECT_EQ(value("divide($0,$1)", 5, 0), 0);
  EXPECT_EQ(value("divide($0,$1)", lowest, -1), lowest);
  EXPECT_EQ(value("modulo($0,$1)", lowest, -1), 0);
  EXPECT_EQ(value("modulo($0,$1)", -7, 3), -1);
  EXPECT_EQ(value("absolute($0)", lowest), lowest);
  EXPECT_EQ(value("add($0,1)", std::numeric_limits<std::int64_t>::max()), lowest);
  EXPECT_EQ(value("power($0,$1)", 3, 5), 243);
  EXPECT_EQ(value("power($0,$1)", 2, -1), 0);
  EXPECT_EQ(value("power($0,$1)", -1, -3), -1);
  EXPECT_EQ(value("sqrt($0)", 17), 4);
  EXPECT_EQ(value("exp(100)"), std::numeric_limits<std::int64_t>::max());
  // not through f64
  EXPECT_EQ(value("add($0,1)", (std::int64_t{1} << 53)), (std::int64_t{1} << 53) + 1);
}

TEST(Expr, RefusesBadCode) {
  EXPECT_THROW(validate({}, 1), Error);
  EXPECT_THROW(validate(argument(1), 1), Error);
  EXPECT_THROW(validate({{{Fn::negate, 0}}}, 1), Error);             // reads itself
  EXPECT_THROW(validate({{{static_cast<Fn>(200)}}}, 1), Error);      // no such function
  EXPECT_THROW(validate({std::vector<Instruction>(65)}, 1), Error);  // too long
  EXPECT_THROW(apply(Fn::add, {argument(0)}), Error);
  EXPECT_THROW(argument(256), Error);
  EXPECT_THROW(compose(argument(1), {argument(0)}), Error);
  Expr x = argument(0);
  for (int i = 0; i < 63; ++i) x = x * x;
  EXPECT_THROW(x * x, Error);
}

TEST(Expr, TextErrorsNameTheColumn) {
  auto message = [](std::string_view text) -> std::string {
    try {
      expr_from_text(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format) << text;
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("add($0,foo($1))"), "expression, column 8: unknown function 'foo'");
  EXPECT_EQ(message("add($0)"), "expression, column 7: ',' expected");
  EXPECT_EQ(message("add($0,$1"), "expression, column 10: ')' expected");
  EXPECT_EQ(message("$999"), "expression, column 2: argument number 999, 0 to 255 expected");
  EXPECT_EQ(message("exp($0)x"), "expression, column 8: unexpected text after the expression");
  EXPECT_NE(message(""), "");
  EXPECT_NE(message("add(t0=exp($0),t0=exp($1))"), "");
  EXPECT_NE(message("add($0,$)"), "");
  std::string deep(1000000, ' ');
  for (std::size_t i = 0; i + 4 < deep.size(); i += 4) deep.replace(i, 4, "exp(");
  EXPECT_NE(message(deep).find("nested deeper"), std::string::npos);
}

}  // namespace
}  // namespace pliant
