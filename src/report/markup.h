// Markup (SVG, XHTML-like HTML) as text: elements close in the right order, and whatever is written
// is escaped.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::report {

// Text for an element or an attribute: & < > " ' as references; bytes that are no UTF-8 and
// characters that XML forbids (controls but tab, line feed and carriage return; U+FFFE, U+FFFF)
// become U+FFFD.
std::string escaped(std::string_view text);

// A string literal of a script inside a page: quotes included; never ends the script, never opens a
// comment.
std::string script_string(std::string_view text);

// At most two decimals, no trailing zeros, no exponent, never "-0". Precondition: finite.
std::string number_text(double value);

struct Attribute {
  std::string_view name;  // our own: not escaped
  std::string value;
  Attribute(std::string_view name, std::string_view text) : name(name), value(text) {}
  Attribute(std::string_view name, const char* text) : name(name), value(text) {}
  Attribute(std::string_view name, double number) : name(name), value(number_text(number)) {}
  Attribute(std::string_view name, std::int64_t number)
      : name(name), value(std::to_string(number)) {}
  Attribute(std::string_view name, int number) : name(name), value(std::to_string(number)) {}
};

class Markup {
 public:
  void open(std::string_view tag, std::initializer_list<Attribute> attributes = {});
  // the innermost open element
  void close();
  void lone(std::string_view tag, std::initializer_list<Attribute> attributes = {});  // <tag .../>
  void leaf(std::string_view tag, std::initializer_list<Attribute> attributes,
            std::string_view text);
  void text(std::string_view text);
  void raw(std::string_view markup);  // markup of our own: a stylesheet, a finished picture
  std::string finish();               // closes what is open and hands the text over

 private:
  void begin(std::string_view tag, std::initializer_list<Attribute> attributes);
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace pliant::report
