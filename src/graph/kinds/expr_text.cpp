// Expressions as text, both ways. The reader's recursion is bounded: an expression of 64
// instructions is at most 64 deep.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "core/error.h"
#include "graph/kinds/expr.h"

namespace pliant {
namespace {

class ExprWriter {
 public:
  explicit ExprWriter(const Expr& expr)
      : expr_(expr), uses_(expr.code.size()), names_(expr.code.size(), -1) {
    for (const Instruction& each : expr.code) {
      const std::uint8_t operands[] = {each.a, each.b, each.c};
      for (int i = 0; i < arity(each.fn); ++i) ++uses_[operands[i]];
    }
  }

  std::string write() {
    write(expr_.code.size() - 1);
    return std::move(text_);
  }

 private:
  void write(std::size_t index) {
    const Instruction& at = expr_.code[index];
    if (at.fn == Fn::argument) {
      text_ += fmt::format("${}", at.a);
    } else if (at.fn == Fn::constant) {
      text_ += std::isnan(at.value) ? "nan" : fmt::format("{}", at.value);
    } else if (names_[index] >= 0) {
      text_ += fmt::format("t{}", names_[index]);
    } else {
      write_call(index);
    }
  }

  void write_call(std::size_t index) {
    const Instruction& at = expr_.code[index];
    if (uses_[index] > 1) {
      names_[index] = next_name_++;
      text_ += fmt::format("t{}=", names_[index]);
    }
    text_ += name(at.fn);
    const std::uint8_t operands[] = {at.a, at.b, at.c};
    for (int i = 0; i < arity(at.fn); ++i) {
      text_ += i == 0 ? '(' : ',';
      write(operands[i]);
    }
    text_ += ')';
  }

  const Expr& expr_;
  std::vector<int> uses_, names_;
  int next_name_ = 0;
  std::string text_;
};

class ExprReader {
 public:
  explicit ExprReader(std::string_view text) : text_(text) {}

  Expr read() {
    Expr expr = read_expr(0);
    skip_spaces();
    if (at_ != text_.size()) fail("unexpected text after the expression");
    return expr;
  }

 private:
  // a definition is one level, its call another
  static constexpr std::size_t max_depth = 2 * Expr::max_instructions;

  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorKind::format, fmt::format("expression, column {}", at_ + 1),
                std::string(problem));
  }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char wanted) {
    if (peek() != wanted) fail(fmt::format("'{}' expected", wanted));
    ++at_;
  }

  std::string_view word() {
    std::size_t from = at_;
    auto inside = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (at_ < text_.size() && inside(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }

  template <typename Number>
  Number number() {
    Number value{};
    auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("number expected");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  Expr read_argument() {
    ++at_;
    std::size_t from = at_;
    int operand = number<int>();
    if (operand < 0 || operand > 255) {
      at_ = from;
      fail(fmt::format("argument number {}, 0 to 255 expected", operand));
    }
    return argument(operand);
  }

  Expr read_expr(std::size_t depth) {
    if (depth > max_depth) fail(fmt::format("nested deeper than {}", max_depth));
    char first = peek();
    if (first == '$') return read_argument();
    if ((first >= '0' && first <= '9') || first == '-' || first == '.')
      return constant(number<double>());
    std::size_t from = at_;
    std::string_view head = word();
    if (head.empty()) fail("function, argument or number expected");
    if (head == "nan" || head == "inf") return constant(head == "nan" ? std::nan("") : HUGE_VAL);
    if (peek() == '=') return read_definition(head, from, depth);
    if (auto known = names_.find(head); known != names_.end() && peek() != '(')
      return known->second;
    return read_call(head, from, depth);
  }

  Expr read_definition(std::string_view head, std::size_t from, std::size_t depth) {
    ++at_;
    Expr expr = read_expr(depth + 1);
    if (!names_.emplace(head, expr).second) {
      at_ = from;
      fail(fmt::format("'{}' is defined twice", head));
    }
    if (names_.size() > Expr::max_instructions) fail("too many definitions");
    return expr;
  }

  Expr read_call(std::string_view head, std::size_t from, std::size_t depth) {
    try {
      Fn fn = fn_from_name(head);
      std::vector<Expr> operands;
      for (int i = 0; i < arity(fn); ++i) {
        expect(i == 0 ? '(' : ',');
        operands.push_back(read_expr(depth + 1));
      }
      expect(')');
      return pliant::apply(fn, operands);  // not std::apply
    } catch (const Error& error) {
      if (error.place() != "expression") throw;  // has its column already
      at_ = from;
      fail(error.problem());
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::map<std::string_view, Expr> names_;
};

}  // namespace

std::string to_string(const Expr& expr) { return ExprWriter(canonical(expr)).write(); }

Expr expr_from_text(std::string_view text) { return ExprReader(text).read(); }

}  // namespace pliant
