#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "text/chat/syntax.h"

namespace pliant::chat {
namespace {

using Kind = Expression::Kind;
using Node = std::unique_ptr<Expression>;
constexpr int deepest_syntax = 60, longest_chain = 64;

Node node(Kind kind, std::size_t at, std::string text = "") {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->at = at;
  made->text = std::move(text);
  return made;
}

class ExpressionParser {
 public:
  explicit ExpressionParser(const TemplateSource& source)
      : source_(source), tokens_(tokens_of(source)) {}

 protected:
  const Token& peek() const { return tokens_[next_]; }
  const Token& take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool at_symbol(std::string_view symbol) const {
    return peek().kind == Token::Kind::symbol && peek().text == symbol;
  }
  bool at_name(std::string_view name) const {
    return peek().kind == Token::Kind::name && peek().text == name;
  }
  bool eat_symbol(std::string_view symbol) { return at_symbol(symbol) && (take(), true); }
  bool eat_name(std::string_view name) { return at_name(name) && (take(), true); }
  [[noreturn]] void fail(std::string problem) const { source_.fail(peek().at, std::move(problem)); }
  void expect(std::string_view symbol) {
    if (!eat_symbol(symbol)) fail(fmt::format("'{}' expected", symbol));
  }
  std::string name() {
    if (peek().kind != Token::Kind::name) fail("a name expected");
    return take().text;
  }

  struct Depth {
    ExpressionParser& parser;
    explicit Depth(ExpressionParser& owner) : parser(owner) {
      if (++parser.depth_ > deepest_syntax)
        throw Error(ErrorKind::capacity, parser.source_.place_of(parser.peek().at),
                    fmt::format("nested deeper than {}", deepest_syntax));
    }
    ~Depth() { --parser.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
  };

  // One expression, or several with commas: a tuple.
  Node expressions(bool conditional = true) {
    const std::size_t at = peek().at;
    Node first = conditional ? expression() : either();
    if (!at_symbol(",")) return first;
    Node tuple = node(Kind::tuple, at);
    tuple->parts.push_back(std::move(first));
    while (eat_symbol(",") && !ends_tuple())
      tuple->parts.push_back(conditional ? expression() : either());
    return tuple;
  }
  bool ends_tuple() const {
    return peek().kind == Token::Kind::statement_end ||
           peek().kind == Token::Kind::expression_end || at_symbol(")");
  }

  Node expression() {
    const Depth depth(*this);
    Node value = either();
    while (at_name("if")) {
      Node choice = node(Kind::conditional, take().at);
      choice->parts.push_back(std::move(value));
      choice->parts.push_back(either());
      choice->parts.push_back(eat_name("else") ? expression() : nullptr);
      value = std::move(choice);
    }
    return value;
  }

  Node either() {
    return chain([this] { return also(); }, [this] { return at_name("or"); });
  }
  Node also() {
    return chain([this] { return negation(); }, [this] { return at_name("and"); });
  }

  Node negation() {
    if (!at_name("not")) return comparison();
    const Depth depth(*this);
    Node made = node(Kind::unary, take().at, "not");
    made->parts.push_back(negation());
    return made;
  }

  Node comparison() {
    Node first = sum();
    const std::size_t at = peek().at;
    std::vector<std::string> words;
    std::vector<ExpressionRef> parts;
    for (std::string word = comparison_word(); !word.empty(); word = comparison_word()) {
      words.push_back(word);
      parts.push_back(sum());
    }
    if (words.empty()) return first;
    Node made = node(Kind::comparison, at);
    made->words = std::move(words);
    made->parts.push_back(std::move(first));
    std::move(parts.begin(), parts.end(), std::back_inserter(made->parts));
    return made;
  }

  std::string comparison_word() {
    for (const char* symbol : {"==", "!=", "<", ">", "<=", ">="})
      if (eat_symbol(symbol)) return symbol;
    if (eat_name("in")) return "in";
    if (!at_name("not") || tokens_[next_ + 1].kind != Token::Kind::name ||
        tokens_[next_ + 1].text != "in")
      return "";
    take(), take();
    return "not in";
  }

  Node sum() {
    return chain([this] { return joined(); }, [this] { return at_symbol("+") || at_symbol("-"); });
  }
  Node joined() {
    return chain([this] { return product(); }, [this] { return at_symbol("~"); });
  }
  Node product() {
    return chain(
        [this] { return power(); },
        [this] { return at_symbol("*") || at_symbol("/") || at_symbol("//") || at_symbol("%"); });
  }
  Node power() {
    return chain([this] { return signed_value(true); }, [this] { return at_symbol("**"); });
  }

  // Operators of one precedence, from the left.
  template <typename Operand, typename Operator>
  Node chain(Operand&& operand, Operator&& is_operator) {
    Node left = operand();
    for (int count = 0; is_operator(); ++count) {
      if (count == longest_chain)
        throw Error(ErrorKind::capacity, source_.place_of(peek().at),
                    fmt::format("more than {} operators in a row", longest_chain));
      const Token& symbol = take();
      Node made = node(Kind::binary, symbol.at, symbol.text);
      made->parts.push_back(std::move(left));
      made->parts.push_back(operand());
      left = std::move(made);
    }
    return left;
  }

  Node signed_value(bool with_filters) {
    const Depth depth(*this);
    Node value;
    if (at_symbol("-") || at_symbol("+")) {
      const Token& sign = take();
      value = node(Kind::unary, sign.at, sign.text);
      value->parts.push_back(signed_value(false));
    } else {
      value = postfix(primary());
    }
    return with_filters ? filters(std::move(value)) : std::move(value);
  }

  Node primary() {
    const Token& token = peek();
    switch (token.kind) {
      case Token::Kind::name: return name_or_constant();
      case Token::Kind::integer:
      case Token::Kind::real: return number();
      case Token::Kind::text: {
        Node made = node(Kind::literal, token.at);
        std::string text;
        while (peek().kind == Token::Kind::text) text += take().text;
        made->value = Value(std::move(text));
        return made;
      }
      case Token::Kind::symbol:
        if (token.text == "(") return parenthesised();
        if (token.text == "[") return list();
        if (token.text == "{") return dict();
        [[fallthrough]];
      default: fail("an expression expected");
    }
  }

  Node name_or_constant() {
    const Token& token = take();
    Node made = node(Kind::literal, token.at);
    if (token.text == "true" || token.text == "True") made->value = Value(true);
    else if (token.text == "false" || token.text == "False") made->value = Value(false);
    else if (token.text == "none" || token.text == "None") made->value = Value(None{});
    else made = node(Kind::name, token.at, token.text);
    return made;
  }

  Node number() {
    const Token& token = take();
    Node made = node(Kind::literal, token.at);
    const char *begin = token.text.data(), *end = begin + token.text.size();
    if (token.kind == Token::Kind::integer) {
      std::int64_t value = 0;
      if (std::from_chars(begin, end, value).ec != std::errc())
        source_.fail(token.at, "an integer of more than 64 bits");
      made->value = Value(value);
    } else {
      double value = 0;
      if (std::from_chars(begin, end, value).ec != std::errc())
        source_.fail(token.at, "a number that no double holds");
      made->value = Value(value);
    }
    return made;
  }

  Node parenthesised() {
    const std::size_t at = take().at;
    if (eat_symbol(")")) return node(Kind::tuple, at);
    Node inside = expressions();
    expect(")");
    return inside;
  }

  Node list() {
    Node made = node(Kind::list, take().at);
    while (!eat_symbol("]")) {
      if (!made->parts.empty()) expect(",");
      if (eat_symbol("]")) break;
      made->parts.push_back(expression());
    }
    return made;
  }

  Node dict() {
    Node made = node(Kind::dict, take().at);
    while (!eat_symbol("}")) {
      if (!made->parts.empty()) expect(",");
      if (eat_symbol("}")) break;
      made->parts.push_back(expression());
      expect(":");
      made->parts.push_back(expression());
    }
    return made;
  }

  Node postfix(Node value) {
    for (int count = 0;; ++count) {
      if (count == longest_chain)
        throw Error(ErrorKind::capacity, source_.place_of(peek().at),
                    fmt::format("more than {} accesses in a row", longest_chain));
      if (at_symbol(".")) value = attribute(std::move(value));
      else if (at_symbol("[")) value = subscript(std::move(value));
      else if (at_symbol("(")) value = call(std::move(value));
      else return value;
    }
  }

  Node attribute(Node value) {
    const std::size_t at = take().at;
    if (peek().kind == Token::Kind::integer) {
      Node made = node(Kind::item, at);
      made->parts.push_back(std::move(value));
      made->parts.push_back(number());
      return made;
    }
    Node made = node(Kind::attribute, at, name());
    made->parts.push_back(std::move(value));
    return made;
  }

  Node subscript(Node value) {
    const std::size_t at = take().at;
    std::vector<ExpressionRef> parts;
    parts.push_back(std::move(value));
    bool slice = false;
    parts.push_back(at_symbol(":") ? nullptr : expressions());
    while (parts.size() < 4 && eat_symbol(":")) {
      slice = true;
      parts.push_back(at_symbol(":") || at_symbol("]") ? nullptr : expression());
    }
    expect("]");
    if (slice) parts.resize(4);
    Node made = node(slice ? Kind::slice : Kind::item, at);
    made->parts = std::move(parts);
    return made;
  }

  Node call(Node value) {
    const std::size_t at = value ? value->at : peek().at;
    return call(Kind::call, std::move(value), at, "");
  }

  Node call(Kind kind, Node value, std::size_t at, std::string text) {
    Node made = node(kind, at, std::move(text));
    made->parts.push_back(std::move(value));
    if (!eat_symbol("(")) return made;
    while (!eat_symbol(")")) {
      if (made->parts.size() + made->named.size() > 1) expect(",");
      if (eat_symbol(")")) break;
      const bool is_named = peek().kind == Token::Kind::name &&
                            tokens_[next_ + 1].kind == Token::Kind::symbol &&
                            tokens_[next_ + 1].text == "=";
      if (is_named) {
        std::string key = name();
        expect("=");
        made->named.emplace_back(std::move(key), expression());
      } else {
        if (!made->named.empty()) fail("an argument without a name after one with a name");
        made->parts.push_back(expression());
      }
    }
    return made;
  }

  Node filters(Node value) {
    for (int count = 0;; ++count) {
      if (count == longest_chain)
        throw Error(ErrorKind::capacity, source_.place_of(peek().at),
                    fmt::format("more than {} filters in a row", longest_chain));
      if (at_symbol("|")) value = filter(std::move(value));
      else if (at_name("is")) value = test(std::move(value));
      else if (at_symbol("(")) value = call(std::move(value));
      else return value;
    }
  }

  Node filter(Node value) {
    take();
    const std::size_t at = peek().at;
    std::string text = name();
    if (!known_filter(text)) source_.fail(at, fmt::format("there is no filter '{}'", text));
    return call(Kind::filter, std::move(value), at, std::move(text));
  }

  Node test(Node value) {
    const std::size_t at = take().at;
    const bool negated = eat_name("not");
    std::string text = name();
    if (!known_test(text)) source_.fail(at, fmt::format("there is no test '{}'", text));
    Node made;
    if (at_symbol("(")) {
      made = call(Kind::test, std::move(value), at, std::move(text));
    } else {
      made = node(Kind::test, at, std::move(text));
      made->parts.push_back(std::move(value));
      if (starts_argument()) made->parts.push_back(postfix(primary()));
    }
    if (!negated) return made;
    Node no = node(Kind::unary, at, "not");
    no->parts.push_back(std::move(made));
    return no;
  }

  bool starts_argument() const {
    const Token& token = peek();
    if (token.kind == Token::Kind::name) {
      constexpr std::string_view words[] = {"else", "or", "and", "if", "is", "in", "not"};
      return std::find(std::begin(words), std::end(words), token.text) == std::end(words);
    }
    return token.kind == Token::Kind::text || token.kind == Token::Kind::integer ||
           token.kind == Token::Kind::real || at_symbol("[") || at_symbol("{");
  }

  const TemplateSource& source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int depth_ = 0;
};

class TemplateParser : ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Block parse() {
    Block all = block({});
    if (peek().kind != Token::Kind::end)
      fail(fmt::format("unexpected '{}'", tokens_[next_ + 1].text));
    return all;
  }

 private:
  using Part = std::unique_ptr<Statement>;

  static Part part(Statement::Kind kind, std::size_t at) {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->at = at;
    return made;
  }

  // Up to a statement that begins with one of these names; that one is not taken.
  Block block(const std::vector<std::string_view>& ends) {
    const Depth depth(*this);
    Block all;
    for (;;) {
      const Token& token = peek();
      if (token.kind == Token::Kind::end) return all;
      if (token.kind == Token::Kind::data) {
        Part made = part(Statement::Kind::data, token.at);
        made->text = take().text;
        all.push_back(std::move(made));
      } else if (token.kind == Token::Kind::expression) {
        Part made = part(Statement::Kind::write, take().at);
        made->value = expressions();
        if (peek().kind != Token::Kind::expression_end) fail("'}}' expected");
        take();
        all.push_back(std::move(made));
      } else {
        const std::string& word = tokens_[next_ + 1].text;
        if (std::find(ends.begin(), ends.end(), word) != ends.end()) return all;
        all.push_back(statement());
      }
    }
  }

  void end_statement() {
    if (peek().kind != Token::Kind::statement_end) fail("'%}' expected");
    take();
  }

  // Takes {% name %}.
  void close(std::string_view word, std::size_t opened) {
    if (peek().kind == Token::Kind::end)
      source_.fail(opened, fmt::format("there is no '{}'", word));
    take();
    if (!eat_name(word)) fail(fmt::format("'{}' expected", word));
    end_statement();
  }
  std::string next_word() const {
    return peek().kind == Token::Kind::end ? "" : tokens_[next_ + 1].text;
  }

  Part statement() {
    const std::size_t at = take().at;
    const Token& token = peek();
    const std::string word = token.kind == Token::Kind::name ? take().text : "";
    if (word == "if") return branch(at);
    if (word == "for") return loop(at);
    if (word == "set") return assign(at);
    if (word == "macro") return macro(at);
    if (word == "generation") {
      Part made = part(Statement::Kind::block, at);
      end_statement();
      made->bodies.push_back(block({"endgeneration"}));
      close("endgeneration", at);
      return made;
    }
    if (word == "break" || word == "continue") {
      if (loops_ == 0) source_.fail(at, fmt::format("'{}' outside of a loop", word));
      end_statement();
      return part(word == "break" ? Statement::Kind::break_loop : Statement::Kind::continue_loop,
                  at);
    }
    source_.fail(at, word.empty() ? "a statement expected"
                                  : fmt::format("the statement '{}' is not understood here", word));
  }

  Part branch(std::size_t at) {
    Part made = part(Statement::Kind::branch, at);
    bool last = false;
    do {
      made->conditions.push_back(last ? nullptr : expressions());
      end_statement();
      made->bodies.push_back(block({"elif", "else", "endif"}));
      if (last || next_word() == "endif" || next_word().empty()) break;
      take();
      last = take().text == "else";
    } while (true);
    close("endif", at);
    return made;
  }

  std::vector<std::string> targets() {
    const bool parenthesis = eat_symbol("(");
    std::vector<std::string> names = {name()};
    bool several = false;
    while (eat_symbol(",")) {
      several = true;
      if (peek().kind == Token::Kind::name && !at_name("in")) names.push_back(name());
    }
    if (parenthesis) expect(")");
    if (several && names.size() == 1) fail("a second name expected");
    return names;
  }

  Part loop(std::size_t at) {
    Part made = part(Statement::Kind::loop, at);
    made->names = targets();
    if (!eat_name("in")) fail("'in' expected");
    made->value = expressions(false);
    if (eat_name("if")) made->condition = expressions();
    if (at_name("recursive")) fail("recursive loops are not understood");
    end_statement();
    ++loops_;
    made->bodies.push_back(block({"else", "endfor"}));
    --loops_;
    if (next_word() == "else") {
      take(), take();
      end_statement();
      made->bodies.push_back(block({"endfor"}));
    }
    close("endfor", at);
    return made;
  }

  Part assign(std::size_t at) {
    Part made = part(Statement::Kind::assign, at);
    made->names = targets();
    if (made->names.size() == 1 && eat_symbol(".")) made->text = name();
    if (eat_symbol("=")) {
      made->value = expressions();
      end_statement();
      return made;
    }
    if (made->names.size() > 1 || !made->text.empty()) fail("'=' expected");
    made->kind = Statement::Kind::capture;
    Node applied;
    while (at_symbol("|")) applied = filter(std::move(applied));
    made->value = std::move(applied);
    end_statement();
    made->bodies.push_back(block({"endset"}));
    close("endset", at);
    return made;
  }

  Part macro(std::size_t at) {
    Part made = part(Statement::Kind::macro, at);
    auto macro = std::make_unique<MacroNode>();
    macro->name = name();
    expect("(");
    while (!eat_symbol(")")) {
      if (!macro->parameters.empty()) expect(",");
      if (eat_symbol(")")) break;
      std::string parameter = name();
      if (!eat_symbol("=") && !macro->parameters.empty() && macro->parameters.back().second)
        fail("a parameter without a default after one with a default");
      const bool has_default = tokens_[next_ - 1].text == "=";
      macro->parameters.emplace_back(std::move(parameter), has_default ? expression() : nullptr);
    }
    end_statement();
    const int outer = std::exchange(loops_, 0);
    macro->body = block({"endmacro"});
    loops_ = outer;
    take();
    if (!eat_name("endmacro")) source_.fail(at, "there is no 'endmacro'");
    if (peek().kind == Token::Kind::name) take();
    end_statement();
    made->macro = std::move(macro);
    return made;
  }

  int loops_ = 0;
};

}  // namespace

Block parse(const TemplateSource& source) { return TemplateParser(source).parse(); }

}  // namespace pliant::chat
