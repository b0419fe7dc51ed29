#include "report/strict_xml.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace pliant::test {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Element document() {
    if (text_.starts_with("<?xml ")) at_ = text_.find("?>") + 2;
    space();
    Element root = element();
    space();
    if (at_ != text_.size()) fail("something after the root");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("byte " + std::to_string(at_) + ": " + why);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void expect(char c) {
    if (peek() != c) fail(std::string("expected '") + c + "'");
    ++at_;
  }
  void space() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t') ++at_;
  }
  std::string name() {
    const std::size_t begin = at_;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    while (letter(peek()) || (at_ > begin && (peek() == '-' || (peek() >= '0' && peek() <= '9'))))
      ++at_;
    if (at_ == begin) fail("expected a name");
    return std::string(text_.substr(begin, at_ - begin));
  }
  char reference() {
    constexpr std::array<std::pair<std::string_view, char>, 5> known{
        {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}}};
    for (const auto& [written, meant] : known) {
      if (!text_.substr(at_).starts_with(written)) continue;
      at_ += written.size();
      return meant;
    }
    fail("a lone '&'");
  }
  char character() {
    if (at_ >= text_.size()) fail("the end comes too early");
    if (peek() == '&') return reference();
    const auto byte = static_cast<unsigned char>(peek());
    if (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') fail("a control character");
    return text_[at_++];
  }
  void attribute(Element& element) {
    const std::string key = name();
    expect('=');
    expect('"');
    std::string value;
    while (peek() != '"') {
      if (peek() == '<') fail("'<' in an attribute");
      value += character();
    }
    ++at_;
    if (!element.attributes.emplace(key, value).second) fail("attribute '" + key + "' twice");
  }
  Element element() {
    Element result;
    expect('<');
    result.tag = name();
    for (space(); peek() != '>' && peek() != '/'; space()) {
      if (text_[at_ - 1] != ' ' && text_[at_ - 1] != '\n') fail("attributes that touch");
      attribute(result);
    }
    if (peek() == '/') {
      ++at_;
      expect('>');
      return result;
    }
    expect('>');
    while (!text_.substr(at_).starts_with("</")) {
      if (peek() == '<') result.children.push_back(element());
      else result.text += character();
    }
    at_ += 2;
    if (name() != result.tag) fail("'" + result.tag + "' is closed by another name");
    expect('>');
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t Element::count(std::string_view wanted) const {
  std::size_t sum = tag == wanted ? 1 : 0;
  for (const Element& child : children) sum += child.count(wanted);
  return sum;
}

const Element* Element::find(std::string_view id) const {
  if (const auto at = attributes.find("id"); at != attributes.end() && at->second == id)
    return this;
  for (const Element& child : children)
    if (const Element* found = child.find(id)) return found;
  return nullptr;
}

Element parse_xml(std::string_view text) { return Reader(text).document(); }

}  // namespace pliant::test
