// Characters of texts that may not be UTF-8, their Unicode properties and normal forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pliant::text {

// A byte that belongs to no UTF-8 character is a character of its own, with the code `broken` +
// byte; so every text is a sequence of codes and back, without loss.
inline constexpr char32_t broken = 0x110000;

struct Char {
  char32_t code = 0;
  std::size_t size = 0;  // bytes
};

Char first_char(std::string_view text);  // `text` is not empty
void append_char(std::string& text, char32_t code);
std::u32string codes_of(std::string_view text);
std::string text_of(std::u32string_view codes);
inline std::size_t size_of(char32_t code) {  // bytes of one code
  return code < 0x80 || code >= broken ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

// General categories (Lu, Nd ...) as bits, so that a set of them is one number.
using Categories = std::uint32_t;
Categories category(char32_t code);  // one bit
Categories categories_named(
    std::string_view property);  // "L", "Lu", "Letter" ...; 0: no such property
inline bool is_in(char32_t code, Categories set) { return (category(code) & set) != 0; }

bool is_white_space(char32_t code);  // the property White_Space
bool is_numeric(char32_t code);      // Nd, Nl, No
bool is_word(char32_t code);         // alphabetic, marks, decimal digits, connectors, joiners
bool is_han(char32_t code);          // the script Han

char32_t lower_case(char32_t code);
char32_t upper_case(char32_t code);
std::string lower_case(std::string_view text);  // one character may become several

enum class NormalForm : std::uint8_t { nfc, nfd, nfkc, nfkd };
std::string normalize(std::string_view text, NormalForm form);  // bytes that are not UTF-8 stay

}  // namespace pliant::text
