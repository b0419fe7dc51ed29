#include "text/chat/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Lexer {
 public:
  explicit Lexer(const TemplateSource& source) : source_(source), text_(source.text()) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) read_data();
    add(Token::Kind::end, "", at_);
    return std::move(tokens_);
  }

 private:
  using Kind = Token::Kind;

  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void add(Kind kind, std::string text, std::size_t at) {
    tokens_.push_back({kind, std::move(text), at});
  }

  // Text up to the next tag, and the tag.
  void read_data() {
    std::size_t open = at_;
    while ((open = text_.find('{', open)) != text_.npos &&
           (open + 1 >= text_.size() ||
            std::string_view("{%#").find(text_[open + 1]) == std::string_view::npos))
      ++open;
    const std::size_t from = at_;
    if (open == text_.npos) {
      at_ = text_.size();
      return add_text(from, text_.size(), ' ', ' ');
    }
    const char mark = open + 2 < text_.size() ? text_[open + 2] : ' ';
    add_text(from, open, text_[open + 1], mark);
    at_ = open;
    if (text_[open + 1] == '#') return skip_comment();
    at_ += mark == '-' || mark == '+' ? 3 : 2;
    if (text_[open + 1] == '%' && skip_raw(open)) return;
    read_tag(open, text_[open + 1] == '%');
  }

  // `tag`: what follows the text: a tag's second character, with its mark.
  void add_text(std::size_t from, std::size_t to, char tag, char mark) {
    std::string_view data = text_.substr(from, to - from);
    if (tag != ' ' && mark == '-') {
      while (!data.empty() && is_blank(data.back())) data.remove_suffix(1);
    } else if ((tag == '%' || tag == '#') && mark != '+') {
      const std::size_t line = data.rfind('\n') + 1;  // 0 without one
      const bool blank = std::all_of(data.begin() + line, data.end(), is_blank);
      if (blank && (line > 0 || line_starts_)) data = data.substr(0, line);
    }
    if (!data.empty()) add(Kind::data, std::string(data), from);
  }

  // After a tag's end: `trim` removes one line end, '-' all white space.
  void end_tag(std::size_t length, bool minus, bool trim) {
    at_ += length;
    const std::size_t from = at_;
    if (minus) {
      while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    } else if (trim && at_ < text_.size() && text_[at_] == '\n') {
      ++at_;
    }
    line_starts_ = at_ > from && text_[at_ - 1] == '\n';
  }

  void skip_comment() {
    const std::size_t open = at_, close = text_.find("#}", at_ + 2);
    if (close == text_.npos) source_.fail(open, "the comment has no end");
    const char mark = close > open + 2 || text_[close - 1] != '#' ? text_[close - 1] : ' ';
    at_ = close;
    end_tag(2, mark == '-', mark != '+');
  }

  std::size_t past_blank(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }

  // The tag {% NAME %} at `at`, whose end is then its return; npos if it is none.
  std::size_t plain_tag(std::size_t at, std::string_view name, char& open_mark,
                        char& close_mark) const {
    at += 2;
    open_mark = at < text_.size() ? text_[at] : ' ';
    if (open_mark == '-' || open_mark == '+') ++at;
    at = past_blank(at);
    if (!text_.substr(at).starts_with(name)) return text_.npos;
    at = past_blank(at + name.size());
    close_mark = at < text_.size() ? text_[at] : ' ';
    if (close_mark == '-' || close_mark == '+') ++at;
    return text_.substr(at).starts_with("%}") ? at : text_.npos;
  }

  // {% raw %} ... {% endraw %} is text.
  bool skip_raw(std::size_t open) {
    char open_mark = ' ', close_mark = ' ';
    const std::size_t end = plain_tag(open, "raw", open_mark, close_mark);
    if (end == text_.npos) return false;
    at_ = end;
    end_tag(2, close_mark == '-', close_mark != '+');
    for (std::size_t at = at_; (at = text_.find("{%", at)) != text_.npos; ++at) {
      const std::size_t stop = plain_tag(at, "endraw", open_mark, close_mark);
      if (stop == text_.npos) continue;
      add_text(at_, at, '%', open_mark);
      at_ = stop;
      end_tag(2, close_mark == '-', close_mark != '+');
      return true;
    }
    source_.fail(open, "raw has no endraw");
  }

  void read_tag(std::size_t open, bool statement) {
    add(statement ? Kind::statement : Kind::expression, "", open);
    const std::string_view close = statement ? "%}" : "}}";
    std::string brackets;  // still open
    for (;;) {
      at_ = past_blank(at_);
      if (at_ >= text_.size()) source_.fail(open, fmt::format("the tag has no '{}'", close));
      if (brackets.empty()) {
        const bool minus = text_[at_] == '-', mark = minus || (statement && text_[at_] == '+');
        if (text_.substr(at_ + (mark ? 1 : 0)).starts_with(close)) {
          add(statement ? Kind::statement_end : Kind::expression_end, "", at_);
          return end_tag(mark ? 3 : 2, minus, statement && !(mark && !minus));
        }
      }
      read_token(brackets);
    }
  }

  void read_token(std::string& brackets) {
    const char c = text_[at_];
    if (starts_name(c)) {
      const std::size_t from = at_;
      while (at_ < text_.size() && (starts_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
      add(Kind::name, std::string(text_.substr(from, at_ - from)), from);
    } else if (is_digit(c)) {
      read_number();
    } else if (c == '"' || c == '\'') {
      read_text();
    } else {
      read_symbol(brackets);
    }
  }

  void read_number() {
    const std::size_t from = at_;
    std::string digits;
    const auto take = [&] {
      for (; at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '_'); ++at_)
        if (text_[at_] != '_') digits += text_[at_];
    };
    take();
    bool real = false;
    if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
      real = true;
      digits += text_[at_++];
      take();
    }
    std::size_t exponent = at_;
    if (exponent < text_.size() && (text_[exponent] == 'e' || text_[exponent] == 'E')) {
      ++exponent;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        real = true;
        digits += text_.substr(at_, exponent - at_);
        at_ = exponent;
        take();
      }
    }
    add(real ? Kind::real : Kind::integer, std::move(digits), from);
  }

  void read_text() {
    const std::size_t from = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) read_escape(value);
      else value += text_[at_++];
    }
    if (at_ >= text_.size()) source_.fail(from, "the string has no end");
    ++at_;
    add(Kind::text, std::move(value), from);
  }

  void read_escape(std::string& value) {
    const char c = text_[at_ + 1];
    constexpr std::string_view letters = "nrtabfv0\\'\"",
                               codes = std::string_view("\n\r\t\a\b\f\v\0\\'\"", 11);
    const auto known = letters.find(c);
    if (known != letters.npos) {
      value += codes[known];
      at_ += 2;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      read_code(value, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    } else if (c == '\n') {
      at_ += 2;
    } else {  // as Python: an unknown escape is itself
      value += '\\';
      ++at_;
    }
  }

  void read_code(std::string& value, std::size_t digits) {
    char32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = at_ + 2 + i < text_.size() ? text_[at_ + 2 + i] : ' ';
      constexpr std::string_view letters = "0123456789abcdef";
      const auto digit = letters.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == letters.npos) source_.fail(at_, "hexadecimal digits expected in the escape");
      code = code * 16 + static_cast<char32_t>(digit);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      source_.fail(at_, "the escape is no Unicode character");
    text::append_char(value, code);
    at_ += 2 + digits;
  }

  void read_symbol(std::string& brackets) {
    for (const std::string_view two : {"==", "!=", "<=", ">=", "//", "**"})
      if (starts(two)) return add_symbol(2);
    const char c = text_[at_];
    if (std::string_view("+-*/%~<>=.,:|()[]{}").find(c) == std::string_view::npos) {
      const std::string shown = text::text_of(
          text::codes_of(text_.substr(at_, text::first_char(text_.substr(at_)).size)));
      source_.fail(at_, fmt::format("unexpected '{}'", shown));
    }
    if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c)
        source_.fail(at_, fmt::format("unexpected '{}'", c));
      brackets.pop_back();
    }
    add_symbol(1);
  }

  void add_symbol(std::size_t length) {
    add(Kind::symbol, std::string(text_.substr(at_, length)), at_);
    at_ += length;
  }

  const TemplateSource& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool line_starts_ = true;  // the text before at_ ended in a line end that belongs to a tag
  std::vector<Token> tokens_;
};

}  // namespace

std::string TemplateSource::place_of(std::size_t at) const {
  const std::string_view before = std::string_view(text_).substr(0, at);
  return fmt::format("{}, line {}, column {}", place_,
                     std::count(before.begin(), before.end(), '\n') + 1,
                     text::codes_of(before.substr(before.rfind('\n') + 1)).size() + 1);
}

void TemplateSource::fail(std::size_t at, std::string problem) const {
  throw Error(ErrorKind::format, place_of(at), std::move(problem));
}

std::string normal_source(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out += text[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::vector<Token> tokens_of(const TemplateSource& source) { return Lexer(source).run(); }

}  // namespace pliant::chat
