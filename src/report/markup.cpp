#include "report/markup.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <utility>

#include "core/utf8.h"

namespace pliant::report {
namespace {

bool allowed(char32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code != 0xFFFE && code != 0xFFFF && !(code >= 0x7F && code < 0xA0);
}

// Each character as it may stand in XML.
template <typename Append>
void for_each_character(std::string_view text, Append&& append) {
  while (!text.empty()) {
    const Utf8Character next = first_character(text);
    const bool whole = next.status == Utf8Character::Status::whole;
    append(whole && allowed(next.code) ? next.code : replacement_character);
    text.remove_prefix(next.length);
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](char32_t code) {
    switch (code) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: append_utf8(out, code);
    }
  });
  return out;
}

std::string script_string(std::string_view text) {
  std::string out = "\"";
  for_each_character(text, [&](char32_t code) {
    // U+2028 and U+2029 end lines in old scripts; < and & matter to HTML and XML parsers.
    const bool plain = code >= 0x20 && code != '"' && code != '\\' && code != '<' && code != '>' &&
                       code != '&' && code != 0x2028 && code != 0x2029;
    if (plain) append_utf8(out, code);
    else out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  });
  return out + '"';
}

std::string number_text(double value) {
  assert(std::isfinite(value));
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

void Markup::begin(std::string_view tag, std::initializer_list<Attribute> attributes) {
  out_ += '<';
  out_ += tag;
  for (const Attribute& each : attributes) {
    out_ += ' ';
    out_ += each.name;
    out_ += "=\"";
    out_ += escaped(each.value);
    out_ += '"';
  }
}

void Markup::open(std::string_view tag, std::initializer_list<Attribute> attributes) {
  begin(tag, attributes);
  out_ += '>';
  open_.emplace_back(tag);
}

void Markup::close() {
  assert(!open_.empty());
  out_ += "</" + open_.back() + ">\n";
  open_.pop_back();
}

void Markup::lone(std::string_view tag, std::initializer_list<Attribute> attributes) {
  begin(tag, attributes);
  out_ += "/>\n";
}

void Markup::leaf(std::string_view tag, std::initializer_list<Attribute> attributes,
                  std::string_view content) {
  open(tag, attributes);
  text(content);
  close();
  if (tag == "title") out_.pop_back();  // thousands of them
}

void Markup::text(std::string_view text) { out_ += escaped(text); }

void Markup::raw(std::string_view markup) { out_ += markup; }

std::string Markup::finish() {
  while (!open_.empty()) close();
  return std::exchange(out_, {});
}

}  // namespace pliant::report
