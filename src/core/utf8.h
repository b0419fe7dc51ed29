// UTF-8: characters from bytes and back, strictly (no overlong forms, surrogates or values beyond
// U+10FFFF).
#pragma once

#include <string>
#include <string_view>

namespace pliant {

inline constexpr char32_t replacement_character = 0xFFFD;

struct Utf8Character {
  // cut: the text ends inside a character that could still become whole
  enum class Status { whole, cut, broken };
  Status status = Status::broken;
  char32_t code = replacement_character;
  // bytes read: of the character, of its part (cut), of what can start none (broken)
  std::size_t length = 1;
};

Utf8Character first_character(std::string_view text);  // of a text that is not empty
// surrogates and values beyond U+10FFFF as U+FFFD
void append_utf8(std::string& text, char32_t code);
bool is_utf8(std::string_view text);
std::u32string code_points(std::string_view text);  // what is broken or cut becomes U+FFFD
std::string to_utf8(std::u32string_view codes);

}  // namespace pliant
