#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/utf8.h"
#include "lm/decode/grammar/tree.h"

namespace pliant::lm {
namespace {

constexpr std::size_t largest_grammar = 4U << 20;  // bytes
constexpr std::size_t most_nodes = 1U << 20, most_rules = 1U << 14;
constexpr int deepest_group = 128;
constexpr std::int32_t largest_count = 1 << 20;
constexpr char32_t last_character = 0x10FFFF;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

std::vector<CharacterRange> merged(std::vector<CharacterRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](auto& a, auto& b) { return a.low < b.low; });
  std::vector<CharacterRange> result;
  for (const CharacterRange& each : ranges) {
    if (!result.empty() && each.low <= result.back().high + 1)
      result.back().high = std::max(result.back().high, each.high);
    else result.push_back(each);
  }
  return result;
}

std::vector<CharacterRange> complement(const std::vector<CharacterRange>& ranges) {
  std::vector<CharacterRange> result;
  char32_t from = 0;
  for (const CharacterRange& each : ranges) {
    if (each.low > from) result.push_back({from, each.low - 1});
    from = each.high + 1;
  }
  if (from <= last_character) result.push_back({from, last_character});
  return result;
}

std::vector<CharacterRange> without_surrogates(const std::vector<CharacterRange>& ranges) {
  std::vector<CharacterRange> result;
  for (const CharacterRange& each : ranges) {
    if (each.low < 0xD800) result.push_back({each.low, std::min<char32_t>(each.high, 0xD7FF)});
    if (each.high > 0xDFFF) result.push_back({std::max<char32_t>(each.low, 0xE000), each.high});
  }
  return result;
}

class GrammarParser {
 public:
  GrammarParser(std::string_view source, std::string_view place) {
    tree_.source = source;
    tree_.place = place;
  }

  GrammarTree parse() {
    if (tree_.source.size() > largest_grammar)
      throw Error(
          ErrorKind::capacity, std::string(tree_.place),
          fmt::format("a grammar of {} bytes; {} at most", tree_.source.size(), largest_grammar));
    skip_blank(true);
    if (at_end()) fail("the grammar is empty");
    while (!at_end()) read_rule();
    for (const GrammarRule& each : tree_.rules)
      if (each.body < 0)
        tree_.fail(each.at, fmt::format("the rule '{}' is not defined", each.name));
    const auto root = names_.find("root");
    if (root == names_.end()) fail("there is no rule 'root'");
    tree_.root = root->second;
    return std::move(tree_);
  }

 private:
  using Kind = GrammarNode::Kind;

  [[noreturn]] void fail(std::string problem) const { tree_.fail(at_, std::move(problem)); }
  bool at_end() const { return at_ == tree_.source.size(); }
  char peek() const { return at_end() ? '\0' : tree_.source[at_]; }
  bool starts(std::string_view text) const { return tree_.source.substr(at_).starts_with(text); }

  void skip_blank(bool lines) {
    while (!at_end()) {
      const char c = peek();
      if (c == '#')
        while (!at_end() && peek() != '\n') ++at_;
      else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) ++at_;
      else return;
    }
  }

  std::int32_t add(GrammarNode node) {
    if (tree_.nodes.size() == most_nodes)
      throw Error(ErrorKind::capacity, std::string(tree_.place),
                  fmt::format("more than {} elements", most_nodes));
    tree_.nodes.push_back(std::move(node));
    return static_cast<std::int32_t>(tree_.nodes.size() - 1);
  }

  std::int32_t named_rule() {
    const std::size_t from = at_;
    while (is_name(peek())) ++at_;
    if (at_ == from) fail("the name of a rule expected");
    const auto [found, fresh] =
        names_.emplace(std::string(tree_.source.substr(from, at_ - from)), tree_.rules.size());
    if (fresh) {
      if (tree_.rules.size() == most_rules)
        throw Error(ErrorKind::capacity, std::string(tree_.place),
                    fmt::format("more than {} rules", most_rules));
      tree_.rules.push_back({found->first, from, -1});
    }
    return found->second;
  }

  void read_rule() {
    const std::size_t from = at_;
    const std::int32_t rule = named_rule();
    skip_blank(false);
    if (!starts("::=")) fail("'::=' expected after the name of a rule");
    at_ += 3;
    skip_blank(true);
    if (tree_.rules[rule].body >= 0)
      tree_.fail(from, fmt::format("the rule '{}' is defined twice", tree_.rules[rule].name));
    const std::int32_t body = read_choice(0);
    tree_.rules[rule].body = body;
    if (!at_end() && peek() != '\n' && peek() != '\r') fail(fmt::format("unexpected '{}'", here()));
    skip_blank(true);
  }

  std::string here() const {
    const Utf8Character each = first_character(tree_.source.substr(at_));
    std::string text;
    append_utf8(text, each.code);
    return text;
  }

  // Alternatives; outside of parentheses a line's end closes them unless the next line begins with
  // '|'.
  std::int32_t read_choice(int depth) {
    GrammarNode choice{.kind = Kind::choice, .at = at_};
    for (;;) {
      choice.children.push_back(read_sequence(depth));
      const std::size_t line_end = at_;
      skip_blank(true);
      if (peek() != '|') {
        if (depth == 0) at_ = line_end;
        break;
      }
      ++at_;
      skip_blank(true);
    }
    return choice.children.size() == 1 ? choice.children[0] : add(std::move(choice));
  }

  std::int32_t read_sequence(int depth) {
    GrammarNode sequence{.kind = Kind::sequence, .at = at_};
    for (;;) {
      skip_blank(depth > 0);
      const char c = peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (sequence.children.empty()) fail("nothing before it to repeat");
        sequence.children.back() = read_repeat(sequence.children.back());
      } else if (c == '"') {
        sequence.children.push_back(read_literal());
      } else if (c == '[') {
        sequence.children.push_back(read_class());
      } else if (c == '.') {
        sequence.children.push_back(add({.kind = Kind::characters,
                                         .at = at_++,
                                         .ranges = without_surrogates({{0, last_character}})}));
      } else if (c == '(') {
        sequence.children.push_back(read_group(depth));
      } else if (is_name(c)) {
        GrammarNode node{.kind = Kind::rule, .at = at_};
        node.rule = named_rule();
        sequence.children.push_back(add(std::move(node)));
      } else {
        return add(std::move(sequence));
      }
    }
  }

  std::int32_t read_group(int depth) {
    if (depth == deepest_group)
      throw Error(ErrorKind::capacity, std::string(tree_.place),
                  fmt::format("groups nested deeper than {}", deepest_group));
    ++at_;
    const std::int32_t group = read_choice(depth + 1);
    if (peek() != ')')
      fail(at_end() ? "')' is missing" : fmt::format("unexpected '{}' in a group", here()));
    ++at_;
    return group;
  }

  std::int32_t read_count() {
    const std::size_t from = at_;
    std::int64_t count = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      count = count * 10 + (peek() - '0');
      if (count > largest_count)
        throw Error(ErrorKind::capacity, std::string(tree_.place),
                    fmt::format("a repetition of more than {}", largest_count));
    }
    if (at_ == from) fail("a number expected in the repetition");
    return static_cast<std::int32_t>(count);
  }

  std::int32_t read_repeat(std::int32_t child) {
    GrammarNode node{.kind = Kind::repeat, .at = at_, .children = {child}, .least = 0, .most = -1};
    const char c = tree_.source[at_++];
    if (c == '+') node.least = 1;
    if (c == '?') node.most = 1;
    if (c == '{') read_bounds(node);
    return add(std::move(node));
  }

  void read_bounds(GrammarNode& node) {
    skip_blank(false);
    node.least = node.most = read_count();
    skip_blank(false);
    if (peek() == ',') {
      ++at_;
      skip_blank(false);
      node.most = peek() == '}' ? -1 : read_count();
      skip_blank(false);
    }
    if (peek() != '}') fail("'}' expected after the repetition");
    if (node.most >= 0 && node.most < node.least)
      tree_.fail(node.at,
                 fmt::format("a repetition of at least {} and at most {}", node.least, node.most));
    ++at_;
  }

  std::int32_t read_literal() {
    GrammarNode sequence{.kind = Kind::sequence, .at = at_++};
    while (peek() != '"') {
      if (at_end() || peek() == '\n') fail("the literal has no closing '\"'");
      const std::size_t from = at_;
      const char32_t code = read_character();
      sequence.children.push_back(
          add({.kind = Kind::characters, .at = from, .ranges = {{code, code}}}));
    }
    ++at_;
    return add(std::move(sequence));
  }

  std::int32_t read_class() {
    GrammarNode node{.kind = Kind::characters, .at = at_++};
    const bool negated = peek() == '^';
    if (negated) ++at_;
    while (peek() != ']') {
      if (at_end() || peek() == '\n') fail("the class has no closing ']'");
      const char32_t low = read_character();
      char32_t high = low;
      if (peek() == '-' && at_ + 1 < tree_.source.size() && tree_.source[at_ + 1] != ']') {
        ++at_;
        high = read_character();
      }
      if (high < low) fail("the range ends before it begins");
      node.ranges.push_back({low, high});
    }
    ++at_;
    node.ranges = merged(std::move(node.ranges));
    if (negated) node.ranges = complement(node.ranges);
    node.ranges = without_surrogates(node.ranges);
    if (node.ranges.empty()) tree_.fail(node.at, "a class that no character is in");
    return add(std::move(node));
  }

  char32_t read_character() {
    if (peek() == '\\') return read_escape();
    const Utf8Character each = first_character(tree_.source.substr(at_));
    if (each.status != Utf8Character::Status::whole) fail("bytes that are not UTF-8");
    at_ += each.length;
    return each.code;
  }

  char32_t read_escape() {
    if (++at_ >= tree_.source.size()) fail("an escape without its character");
    const char c = tree_.source[at_++];
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'x': return read_hexadecimal(2);
      case 'u': return read_hexadecimal(4);
      case 'U': return read_hexadecimal(8);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^': return static_cast<char32_t>(c);
      default: --at_; fail("an unknown escape");
    }
  }

  char32_t read_hexadecimal(int digits) {
    char32_t code = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = peek();
      if (c >= '0' && c <= '9') code = code * 16 + static_cast<char32_t>(c - '0');
      else if (c >= 'a' && c <= 'f') code = code * 16 + static_cast<char32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F') code = code * 16 + static_cast<char32_t>(c - 'A' + 10);
      else fail(fmt::format("{} hexadecimal digits expected", digits));
    }
    if (code > last_character || (code >= 0xD800 && code < 0xE000))
      fail("the escape is no Unicode character");
    return code;
  }

  GrammarTree tree_;
  std::size_t at_ = 0;
  std::unordered_map<std::string, std::int32_t> names_;
};

}  // namespace

void GrammarTree::fail(std::size_t at, std::string problem) const {
  const std::string_view before = source.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t column = code_points(before.substr(before.rfind('\n') + 1)).size() + 1;
  throw Error(ErrorKind::format, fmt::format("{}, line {}, column {}", place, line, column),
              std::move(problem));
}

GrammarTree parse_grammar(std::string_view source, std::string_view place) {
  return GrammarParser(source, place).parse();
}

}  // namespace pliant::lm
