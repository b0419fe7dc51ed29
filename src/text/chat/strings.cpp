#include "text/chat/strings.h"

#include <algorithm>

#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

bool is_space(char32_t code) {
  return text::is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

bool is_letter(char32_t code) {
  static const text::Categories letters = text::categories_named("L");
  return text::is_in(code, letters);
}

}  // namespace

std::string strip(std::string_view text, Ends ends, const std::string* characters) {
  const std::u32string codes = text::codes_of(text),
                       set = characters ? text::codes_of(*characters) : U"";
  const auto goes = [&](char32_t code) {
    return characters ? set.find(code) != set.npos : is_space(code);
  };
  std::size_t from = 0, to = codes.size();
  if (ends != Ends::right)
    while (from < to && goes(codes[from])) ++from;
  if (ends != Ends::left)
    while (to > from && goes(codes[to - 1])) --to;
  return text::text_of(std::u32string_view(codes).substr(from, to - from));
}

std::string upper(std::string_view text) {
  constexpr char32_t sharp_s = 0xDF;  // the one common letter whose capital is two
  std::string out;
  for (const char32_t code : text::codes_of(text)) {
    if (code == sharp_s) out += "SS";
    else text::append_char(out, text::upper_case(code));
  }
  return out;
}

std::string lower(std::string_view text) { return text::lower_case(text); }

std::string capitalize(std::string_view text) {
  std::u32string codes = text::codes_of(text);
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = i == 0 ? text::upper_case(codes[i]) : text::lower_case(codes[i]);
  return text::text_of(codes);
}

std::string title(std::string_view text) {
  std::u32string codes = text::codes_of(text);
  bool inside = false;
  for (char32_t& code : codes) {
    const bool letter = is_letter(code);
    code = inside ? text::lower_case(code) : text::upper_case(code);
    inside = letter;
  }
  return text::text_of(codes);
}

std::string title_words(std::string_view text) {
  std::u32string codes = text::codes_of(text);
  bool inside = false;
  for (char32_t& code : codes) {
    const bool between =
        is_space(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
    code = inside ? text::lower_case(code) : text::upper_case(code);
    inside = !between;
  }
  return text::text_of(codes);
}

std::string replace(std::string_view text, std::string_view old, std::string_view fresh,
                    std::int64_t count) {
  std::string out;
  std::size_t at = 0;
  if (old.empty()) {  // before each character and at the end
    for (; at < text.size() && count != 0; --count) {
      const std::size_t size = text::first_char(text.substr(at)).size;
      out.append(fresh).append(text.substr(at, size));
      at += size;
    }
    out += text.substr(at);
    return count != 0 ? out.append(fresh) : out;
  }
  for (std::size_t found; count != 0 && (found = text.find(old, at)) != text.npos; --count) {
    out.append(text.substr(at, found - at)).append(fresh);
    at = found + old.size();
  }
  return out.append(text.substr(at));
}

std::vector<std::string> split(std::string_view text, const std::string* separator,
                               std::int64_t most) {
  std::vector<std::string> parts;
  if (separator) {
    std::size_t at = 0;
    for (std::size_t found; most != 0 && (found = text.find(*separator, at)) != text.npos; --most) {
      parts.emplace_back(text.substr(at, found - at));
      at = found + separator->size();
    }
    parts.emplace_back(text.substr(at));
    return parts;
  }
  const std::u32string codes = text::codes_of(text);
  const std::u32string_view all = codes;
  for (std::size_t at = 0;;) {
    while (at < all.size() && is_space(all[at])) ++at;
    if (at == all.size()) return parts;
    std::size_t end = at;
    while (end < all.size() && !is_space(all[end])) ++end;
    if (most-- == 0)
      return parts.push_back(strip(text::text_of(all.substr(at)), Ends::right, nullptr)), parts;
    parts.push_back(text::text_of(all.substr(at, end - at)));
    at = end;
  }
}

std::vector<std::string> split_right(std::string_view text, const std::string* separator,
                                     std::int64_t most) {
  std::vector<std::string> parts;
  if (!separator) {  // the same from the other end
    std::u32string codes = text::codes_of(text);
    std::reverse(codes.begin(), codes.end());
    for (const std::string& each : split(text::text_of(codes), nullptr, most)) {
      std::u32string part = text::codes_of(each);
      std::reverse(part.begin(), part.end());
      parts.push_back(text::text_of(part));
    }
  } else {
    std::size_t end = text.size();
    for (std::size_t found; most != 0 && end >= separator->size() &&
                            (found = text.rfind(*separator, end - separator->size())) != text.npos;
         --most) {
      parts.emplace_back(text.substr(found + separator->size(), end - found - separator->size()));
      end = found;
    }
    parts.emplace_back(text.substr(0, end));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\r\v\f\x1c\x1d\x1e"), text.size());
    lines.emplace_back(text.substr(0, end));
    if (end == text.size()) break;
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return lines;
}

std::size_t code_count(std::string_view text) { return text::codes_of(text).size(); }

}  // namespace pliant::chat
