#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/error.h"
#include "text/regex/program.h"

namespace pliant::text {
namespace {

constexpr std::uint32_t max_count = 1000;
constexpr int max_nesting = 64;

void add_char(CharSet& set, char32_t code) { set.ranges.emplace_back(code, code); }

// Characters that equal `code` when case is ignored. All that differ in more than a simple pair lie
// below U+3000.
void add_cases(CharSet& set, char32_t code) {
  const char32_t lower = lower_case(code);
  for (const char32_t each : {code, lower, upper_case(code)}) add_char(set, each);
  for (char32_t each = 0x80; each < 0x3000; ++each)
    if (lower_case(each) == lower || lower_case(upper_case(each)) == lower) add_char(set, each);
}

class RegexParser {
 public:
  RegexParser(std::string_view pattern, std::string_view place, RegexProgram& program)
      : pattern_(pattern), place_(place), program_(program) {}

  RegexNode parse() {
    RegexNode tree = alternatives();
    if (!at_end()) fail("')' closes nothing");
    return tree;
  }

 private:
  using Kind = RegexNode::Kind;

  [[noreturn]] void fail(const std::string& problem, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_),
                fmt::format("regular expression, byte {}: {}", at_, problem));
  }
  bool at_end() const { return at_ >= pattern_.size(); }
  bool sees(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool accept(std::string_view text) {
    if (!sees(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t take() {
    if (at_end()) fail("ends too early");
    const Char next = first_char(pattern_.substr(at_));
    if (next.code >= broken) fail("is not UTF-8");
    at_ += next.size;
    return next.code;
  }

  RegexNode node(Kind kind) const {
    RegexNode made;
    made.kind = kind;
    return made;
  }
  RegexNode set_node(CharSet set) {
    set.seal();
    RegexNode made = node(Kind::set);
    made.set = program_.sets.size();
    program_.sets.push_back(std::move(set));
    return made;
  }

  RegexNode alternatives() {
    if (++depth_ > max_nesting) fail(fmt::format("nested deeper than {} levels", max_nesting));
    RegexNode choice = node(Kind::choice);
    do choice.parts.push_back(sequence());
    while (accept("|"));
    --depth_;
    if (choice.parts.size() == 1) {
      RegexNode only = std::move(choice.parts[0]);
      return only;
    }
    return choice;
  }

  RegexNode sequence() {
    RegexNode made = node(Kind::sequence);
    while (!at_end() && !sees("|") && !sees(")")) made.parts.push_back(quantified());
    return made;
  }

  RegexNode quantified() {
    RegexNode part = atom();
    while (true) {
      std::uint32_t least = 0, most = unbounded;
      if (accept("*")) {
      } else if (accept("+")) least = 1;
      else if (accept("?")) most = 1;
      else if (!counts(least, most)) return part;
      if (part.kind == Kind::assertion || part.kind == Kind::ahead || part.kind == Kind::behind)
        fail("a quantifier follows what has no width");
      RegexNode repeat = node(Kind::repeat);
      repeat.least = least;
      repeat.most = most;
      repeat.greed = accept("?") ? Greed::lazy : accept("+") ? Greed::possessive : Greed::greedy;
      repeat.parts.push_back(std::move(part));
      part = std::move(repeat);
      if (++quantifiers_ > max_count) fail("too many quantifiers", ErrorKind::unsupported);
    }
  }

  std::optional<std::uint32_t> number() {
    std::uint32_t value = 0;
    const std::size_t start = at_;
    for (; !at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint32_t>(pattern_[at_] - '0');
      if (value > max_count)
        fail(fmt::format("a count above {}", max_count), ErrorKind::unsupported);
    }
    return at_ > start ? std::optional(value) : std::nullopt;
  }

  // {2} {2,} {,3} {2,3}; anything else is plain text
  bool counts(std::uint32_t& least, std::uint32_t& most) {
    const std::size_t start = at_;
    if (!accept("{")) return false;
    const auto low = number();
    const bool comma = accept(",");
    const auto high = comma ? number() : low;
    if ((!low && !high) || !accept("}")) {
      at_ = start;
      return false;
    }
    least = low.value_or(0);
    most = high ? *high : unbounded;
    if (most < least) fail("a quantifier's first count is above its second");
    return true;
  }

  RegexNode atom() {
    if (accept("(")) return group();
    if (sees("[")) return set_node(bracket());
    if (accept("^")) return assertion(Assertion::line_start);
    if (accept("$")) return assertion(Assertion::line_end);
    if (accept(".")) {
      CharSet set;
      add_char(set, U'\n');
      set.negated = true;
      return set_node(std::move(set));
    }
    if (sees("*") || sees("+") || sees("?")) fail("a quantifier follows nothing");
    if (accept("\\A")) return assertion(Assertion::text_start);
    if (accept("\\z")) return assertion(Assertion::text_end);
    if (accept("\\Z")) return assertion(Assertion::last_line_end);
    if (accept("\\b")) return assertion(Assertion::boundary);
    if (accept("\\B")) return assertion(Assertion::no_boundary);
    CharSet set;
    if (accept("\\")) {
      if (const auto code = escape(set)) add_plain(set, *code);
    } else {
      add_plain(set, take());
    }
    return set_node(std::move(set));
  }

  void add_plain(CharSet& set, char32_t code) const {
    ignore_case_ ? add_cases(set, code) : add_char(set, code);
  }

  RegexNode assertion(Assertion what) const {
    RegexNode made = node(Kind::assertion);
    made.assertion = what;
    return made;
  }

  RegexNode group() {
    const bool outer = ignore_case_;
    Kind kind = Kind::sequence;
    bool negated = false;
    if (accept("?")) {
      if (accept("=")) kind = Kind::ahead;
      else if (accept("!")) kind = Kind::ahead, negated = true;
      else if (accept("<=")) kind = Kind::behind;
      else if (accept("<!")) kind = Kind::behind, negated = true;
      else if (accept(">")) kind = Kind::atomic;
      else if (accept("i:")) ignore_case_ = true;
      else if (accept("-i:")) ignore_case_ = false;
      else if (!accept(":")) fail("this kind of group", ErrorKind::unsupported);
    }
    RegexNode inner = alternatives();
    if (!accept(")")) fail("a group is not closed");
    ignore_case_ = outer;
    if (kind == Kind::sequence) return inner;
    if (kind == Kind::behind) return behind(std::move(inner), negated);
    RegexNode made = node(kind);
    made.negated = negated;
    made.parts.push_back(std::move(inner));
    return made;
  }

  RegexNode behind(RegexNode inner, bool negated) const {
    while (inner.kind == Kind::sequence && inner.parts.size() == 1) {
      RegexNode only = std::move(inner.parts[0]);
      inner = std::move(only);
    }
    if (inner.kind != Kind::set)
      fail("look-behind of more than one character", ErrorKind::unsupported);
    inner.kind = Kind::behind;
    inner.negated = negated;
    return inner;
  }

  CharSet bracket() {
    if (++depth_ > max_nesting) fail(fmt::format("nested deeper than {} levels", max_nesting));
    accept("[");
    CharSet set;
    set.negated = accept("^");
    bool first = true;
    CharSet* side = &set;  // what && has on its right is a set of its own
    while (first || !sees("]")) {
      if (at_end()) fail("a set is not closed");
      first = false;
      if (sees("[:")) fail("a POSIX class", ErrorKind::unsupported);
      if (sees("[")) side->nested.push_back(bracket());
      else if (accept("&&")) side = &set.also.emplace_back();
      else range(*side);
    }
    accept("]");
    --depth_;
    return set;
  }

  // One member of a set, or a range of them.
  void range(CharSet& set) {
    const auto low = accept("\\") ? escape(set) : std::optional(take());
    if (!low) return;
    if (!sees("-") || pattern_.substr(at_).starts_with("-]")) return add_plain(set, *low);
    accept("-");
    CharSet ignored;
    const auto high = accept("\\") ? escape(ignored) : std::optional(take());
    if (!high || *high < *low) fail("a range has no valid end");
    set.ranges.emplace_back(*low, *high);
    if (!ignore_case_) return;
    for (char32_t each = *low; each <= std::min<char32_t>(*high, 0x7F); ++each)
      add_cases(set, each);
  }

  // After a backslash: one character, or a set that is added to `set`.
  std::optional<char32_t> escape(CharSet& set) {
    const char32_t code = take();
    switch (code) {
      case 'n': return U'\n';
      case 'r': return U'\r';
      case 't': return U'\t';
      case 'f': return U'\f';
      case 'v': return U'\v';
      case 'a': return U'\a';
      case 'e': return char32_t{0x1B};
      case '0': return char32_t{0};
      case 'x': return accept("{") ? hexadecimal(8, true) : hexadecimal(2, false);
      case 'u': return accept("{") ? hexadecimal(8, true) : hexadecimal(4, false);
      case 'p':
      case 'P': property(set, code == 'P'); return {};
      case 's':
      case 'S':
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 'h':
      case 'H': shorthand(set, code); return {};
      default:
        if ((code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
            (code >= 'A' && code <= 'Z'))
          fail(fmt::format("\\{}", static_cast<char>(code)), ErrorKind::unsupported);
        return code;
    }
  }

  char32_t hexadecimal(int digits, bool braced) {
    char32_t value = 0;
    int taken = 0;
    for (; taken < digits && !at_end() &&
           std::isxdigit(static_cast<unsigned char>(pattern_[at_])) != 0;
         ++taken, ++at_)
      value =
          value * 16 + static_cast<char32_t>(std::stoi(std::string(1, pattern_[at_]), nullptr, 16));
    if (taken == 0 || (braced ? !accept("}") : taken != digits) || value >= broken)
      fail("no valid character number");
    return value;
  }

  void shorthand(CharSet& set, char32_t letter) {
    CharSet inner;
    const char32_t lower = letter | 0x20;
    if (lower == 's') inner.white_space = true;
    else if (lower == 'd') inner.categories = categories_named("Nd");
    else if (lower == 'h') inner.ranges = {{'0', '9'}, {'a', 'f'}, {'A', 'F'}};
    else inner.word = true;
    inner.negated = lower != letter;
    set.nested.push_back(std::move(inner));
  }

  void property(CharSet& set, bool negated) {
    std::string name;
    if (accept("{")) {
      if (accept("^")) negated = !negated;
      while (!accept("}")) append_char(name, take());
    } else {
      append_char(name, take());
    }
    CharSet inner;
    inner.negated = negated;
    inner.categories = categories_named(name);
    if (name == "Han" || name == "IsHan" || name == "sc=Han" || name == "script=Han")
      inner.han = true;
    else if (name == "White_Space" || name == "Space") inner.white_space = true;
    else if (inner.categories == 0)
      fail(fmt::format("property '{}'", name), ErrorKind::unsupported);
    set.nested.push_back(std::move(inner));
  }

  std::string_view pattern_, place_;
  RegexProgram& program_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::uint32_t quantifiers_ = 0;
  bool ignore_case_ = false;
};

}  // namespace

RegexNode parse_regex(std::string_view pattern, std::string_view place, RegexProgram& program) {
  return RegexParser(pattern, place, program).parse();
}

}  // namespace pliant::text
