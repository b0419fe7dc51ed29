// Regular expressions of JSON schemas (the part of ECMA 262 that is regular) as GBNF over the
// characters of a JSON string: a quote, a backslash and control characters are written as their
// escapes.
#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.h"
#include "lm/decode/grammar/program.h"
#include "lm/decode/schema/schema.h"

namespace pliant::lm {
namespace {

using Ranges = std::vector<CharacterRange>;
constexpr char32_t top_character = 0x10FFFF;

Ranges inverted(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.low < b.low; });
  Ranges result;
  char32_t from = 0;
  for (const CharacterRange& each : ranges) {
    if (each.low > from) result.push_back({from, each.low - 1});
    from = std::max<char32_t>(from, each.high + 1);
  }
  if (from <= top_character) result.push_back({from, top_character});
  return result;
}

Ranges overlap(const Ranges& a, const Ranges& b) {
  Ranges result;
  for (const CharacterRange& x : a)
    for (const CharacterRange& y : b)
      if (std::max(x.low, y.low) <= std::min(x.high, y.high))
        result.push_back({std::max(x.low, y.low), std::min(x.high, y.high)});
  return result;
}

bool contains(const Ranges& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](auto& each) { return each.low <= code && code <= each.high; });
}

// One character of the set, as a JSON string writes it.
std::string json_character(const Ranges& ranges) {
  std::vector<std::string> choices;
  std::string inside;
  for (const CharacterRange& each :
       overlap(ranges, {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0xD7FF}, {0xE000, top_character}}))
    inside += fmt::format("\\U{:08X}-\\U{:08X}", static_cast<std::uint32_t>(each.low),
                          static_cast<std::uint32_t>(each.high));
  if (!inside.empty()) choices.push_back("[" + inside + "]");
  if (contains(ranges, '"')) choices.push_back(R"("\\\"")");
  if (contains(ranges, '\\')) choices.push_back(R"("\\\\")");
  for (char32_t code = 0; code < 0x20; ++code) {
    if (!contains(ranges, code)) continue;
    constexpr std::string_view codes = "\b\f\n\r\t", letters = "bfnrt";
    const auto at = codes.find(static_cast<char>(code));
    choices.push_back(at != codes.npos
                          ? fmt::format("\"\\\\{}\"", letters[at])
                          : fmt::format("\"\\\\u{:04x}\"", static_cast<std::uint32_t>(code)));
  }
  return choices.empty() ? "" : "(" + fmt::format("{}", fmt::join(choices, " | ")) + ")";
}

class PatternReader {
 public:
  PatternReader(std::string_view pattern, const std::string& path)
      : codes_(code_points(pattern)), path_(path) {}

  std::string read() {
    const std::string all = choice(0, true);
    if (at_ < codes_.size()) refuse("an unmatched ')'");
    return all;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    refuse_schema(path_, fmt::format("pattern, character {}: {}", at_ + 1, problem));
  }
  bool more() const { return at_ < codes_.size(); }
  bool eat(char32_t code) {
    if (!more() || codes_[at_] != code) return false;
    ++at_;
    return true;
  }

  std::string choice(int depth, bool outermost) {
    if (depth > 64) refuse("groups nested too deeply");
    std::vector<std::string> choices;
    do {
      const bool from_start = outermost && eat('^');
      std::string text = sequence(depth);
      const bool to_end = outermost && eat('$');
      if (to_end && more() && codes_[at_] != '|') refuse("'$' before the end");
      if (outermost && !from_start) text = "char* " + text;
      if (outermost && !to_end) text += " char*";
      choices.push_back(std::move(text));
    } while (eat('|'));
    return "(" + fmt::format("{}", fmt::join(choices, " | ")) + ")";
  }

  std::string sequence(int depth) {
    std::string text = "\"\"";
    while (more() && codes_[at_] != '|' && codes_[at_] != ')' && codes_[at_] != '$')
      text += " " + quantified(atom(depth));
    return text;
  }

  std::string atom(int depth) {
    const char32_t code = codes_[at_++];
    switch (code) {
      case '(': {
        if (eat('?') && !eat(':')) refuse("a group of this kind");
        std::string group = choice(depth + 1, false);
        if (!eat(')')) refuse("')' expected");
        return group;
      }
      case '[': return set();
      case '.': return json_character(inverted({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
      case '\\': return one(escape());
      case '^':
      case '*':
      case '+':
      case '?': --at_; refuse("not understood here");
      case '{':
      case '}':
      case ']': --at_; refuse("a bracket that is not escaped");
      default: return one({{code, code}});
    }
  }

  std::string one(const Ranges& ranges) const {
    std::string text = json_character(ranges);
    if (text.empty()) refuse("a class that no character is in");
    return text;
  }

  std::string quantified(const std::string& text) {
    std::string mark;
    if (eat('*')) mark = "*";
    else if (eat('+')) mark = "+";
    else if (eat('?')) mark = "?";
    else if (eat('{')) mark = counts();
    else return text;
    eat('?');  // lazy: the same texts
    return text + mark;
  }

  std::string counts() {
    const std::int64_t least = count();
    const bool several = eat(',');
    const std::int64_t most = !several ? least : more() && codes_[at_] == '}' ? -1 : count();
    if (!eat('}')) refuse("'}' expected after the repetition");
    if (most >= 0 && most < least)
      refuse(fmt::format("a repetition of at least {} and at most {}", least, most));
    return most < 0 ? fmt::format("{{{},}}", least) : fmt::format("{{{},{}}}", least, most);
  }

  std::int64_t count() {
    std::int64_t value = 0;
    const std::size_t from = at_;
    for (; more() && codes_[at_] >= '0' && codes_[at_] <= '9' && value < 10'000'000; ++at_)
      value = value * 10 + (codes_[at_] - '0');
    if (at_ == from || at_ > from + 7) refuse("a repetition's count expected");
    return value;
  }

  std::string set() {
    const bool negated = eat('^');
    Ranges ranges;
    while (!eat(']')) {
      if (!more()) refuse("']' expected");
      const Ranges low = set_member();
      ranges.insert(ranges.end(), low.begin(), low.end());
      if (at_ + 1 >= codes_.size() || codes_[at_] != '-' || codes_[at_ + 1] == ']') continue;
      ++at_;
      const Ranges high = set_member();
      const bool single = low.size() == 1 && low[0].low == low[0].high && high.size() == 1 &&
                          high[0].low == high[0].high;
      if (!single || high[0].low < low[0].low) refuse("a range of this kind");
      ranges.push_back({low[0].low, high[0].high});
    }
    return one(negated ? inverted(std::move(ranges)) : ranges);
  }

  Ranges set_member() {
    const char32_t code = codes_[at_++];
    if (code != '\\') return {{code, code}};
    if (eat('b')) return {{'\b', '\b'}};
    return escape();
  }

  Ranges escape() {
    if (!more()) refuse("an escape without its character");
    const Ranges digits = {{'0', '9'}}, word = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    const Ranges space = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                          {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                          {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    const char32_t code = codes_[at_++];
    switch (code) {
      case 'd': return digits;
      case 'D': return inverted(digits);
      case 'w': return word;
      case 'W': return inverted(word);
      case 's': return space;
      case 'S': return inverted(space);
      case 't': return {{'\t', '\t'}};
      case 'n': return {{'\n', '\n'}};
      case 'r': return {{'\r', '\r'}};
      case 'f': return {{'\f', '\f'}};
      case 'v': return {{'\v', '\v'}};
      case 'x': return hexadecimal(2);
      case 'u': return hexadecimal(4);
      default:
        if (code > 0x7F || (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
            (code >= 'A' && code <= 'Z')) {
          --at_;
          refuse("an escape of this kind");
        }
        return {{code, code}};
    }
  }

  Ranges hexadecimal(int count) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char32_t code = more() ? codes_[at_] : U'\0';
      constexpr std::u32string_view letters = U"0123456789abcdef";
      const auto digit = letters.find(code >= 'A' && code <= 'F' ? code + 32 : code);
      if (code == 0 || digit == letters.npos) refuse("hexadecimal digits expected");
      value = value * 16 + static_cast<char32_t>(digit);
    }
    return {{value, value}};
  }

  std::u32string codes_;
  const std::string& path_;
  std::size_t at_ = 0;
};

}  // namespace

std::string gbnf_from_pattern(std::string_view pattern, const std::string& path) {
  return PatternReader(pattern, path).read();
}

std::string gbnf_literal(std::string_view text) {
  std::string quoted = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') quoted += '\\';
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7F)
      quoted += fmt::format("\\x{:02X}", static_cast<int>(each));
    else quoted += each;
  }
  return quoted + "\"";
}

}  // namespace pliant::lm
