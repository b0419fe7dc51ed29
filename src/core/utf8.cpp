#include "core/utf8.h"

namespace pliant {
namespace {

struct Lead {
  std::size_t length = 0;           // 0: starts no character
  unsigned char low = 0, high = 0;  // what the second byte may be (Unicode 15, table 3-7)
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

}  // namespace

Utf8Character first_character(std::string_view text) {
  using Status = Utf8Character::Status;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.length == 0) return {};
  if (lead.length == 1) return {Status::whole, byte(0), 1};
  char32_t code = byte(0) & (0x7F >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {Status::cut, replacement_character, i};
    const unsigned char low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {Status::broken, replacement_character, i};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  return {Status::whole, code, lead.length};
}

void append_utf8(std::string& text, char32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = replacement_character;
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      put(0xE0 | (code >> 12));
    } else {
      put(0xF0 | (code >> 18));
      put(0x80 | ((code >> 12) & 0x3F));
    }
    put(0x80 | ((code >> 6) & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character each = first_character(text);
    if (each.status != Utf8Character::Status::whole) return false;
    text.remove_prefix(each.length);
  }
  return true;
}

std::u32string code_points(std::string_view text) {
  std::u32string codes;
  while (!text.empty()) {
    const Utf8Character each = first_character(text);
    codes.push_back(each.code);
    text.remove_prefix(each.length);
  }
  return codes;
}

std::string to_utf8(std::u32string_view codes) {
  std::string text;
  for (const char32_t code : codes) append_utf8(text, code);
  return text;
}

}  // namespace pliant
