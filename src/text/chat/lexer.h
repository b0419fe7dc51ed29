// The tokens of a chat template, with Jinja's rules for white space around tags (trim_blocks and
// lstrip_blocks on).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pliant::chat {

struct Token {
  enum class Kind {
    data,
    expression,
    expression_end,
    statement,
    statement_end,
    name,
    text,
    integer,
    real,
    symbol,
    end
  };
  Kind kind = Kind::end;
  std::string text;    // of data and text: the characters themselves
  std::size_t at = 0;  // byte of the source
};

// Where in the source; throws errors that say so.
class TemplateSource {
 public:
  TemplateSource(std::string text, std::string place)
      : text_(std::move(text)), place_(std::move(place)) {}
  const std::string& text() const { return text_; }
  const std::string& place() const { return place_; }
  std::string place_of(std::size_t at) const;                         // "PLACE, line L, column C"
  [[noreturn]] void fail(std::size_t at, std::string problem) const;  // Error{format}

 private:
  std::string text_, place_;
};

// line ends as '\n'; the last one left out, as Jinja does
std::string normal_source(std::string_view text);
std::vector<Token> tokens_of(const TemplateSource& source);

}  // namespace pliant::chat
