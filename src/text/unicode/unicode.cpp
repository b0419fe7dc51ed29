#include "text/unicode/unicode.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "core/utf8.h"

namespace pliant::text {
namespace {

constexpr Categories bit(int which) { return Categories{1} << which; }

constexpr std::array<std::pair<std::string_view, Categories>, 30> single_categories{
    {{"Cn", bit(UTF8PROC_CATEGORY_CN)}, {"Lu", bit(UTF8PROC_CATEGORY_LU)},
     {"Ll", bit(UTF8PROC_CATEGORY_LL)}, {"Lt", bit(UTF8PROC_CATEGORY_LT)},
     {"Lm", bit(UTF8PROC_CATEGORY_LM)}, {"Lo", bit(UTF8PROC_CATEGORY_LO)},
     {"Mn", bit(UTF8PROC_CATEGORY_MN)}, {"Mc", bit(UTF8PROC_CATEGORY_MC)},
     {"Me", bit(UTF8PROC_CATEGORY_ME)}, {"Nd", bit(UTF8PROC_CATEGORY_ND)},
     {"Nl", bit(UTF8PROC_CATEGORY_NL)}, {"No", bit(UTF8PROC_CATEGORY_NO)},
     {"Pc", bit(UTF8PROC_CATEGORY_PC)}, {"Pd", bit(UTF8PROC_CATEGORY_PD)},
     {"Ps", bit(UTF8PROC_CATEGORY_PS)}, {"Pe", bit(UTF8PROC_CATEGORY_PE)},
     {"Pi", bit(UTF8PROC_CATEGORY_PI)}, {"Pf", bit(UTF8PROC_CATEGORY_PF)},
     {"Po", bit(UTF8PROC_CATEGORY_PO)}, {"Sm", bit(UTF8PROC_CATEGORY_SM)},
     {"Sc", bit(UTF8PROC_CATEGORY_SC)}, {"Sk", bit(UTF8PROC_CATEGORY_SK)},
     {"So", bit(UTF8PROC_CATEGORY_SO)}, {"Zs", bit(UTF8PROC_CATEGORY_ZS)},
     {"Zl", bit(UTF8PROC_CATEGORY_ZL)}, {"Zp", bit(UTF8PROC_CATEGORY_ZP)},
     {"Cc", bit(UTF8PROC_CATEGORY_CC)}, {"Cf", bit(UTF8PROC_CATEGORY_CF)},
     {"Cs", bit(UTF8PROC_CATEGORY_CS)}, {"Co", bit(UTF8PROC_CATEGORY_CO)}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> long_names{
    {{"Letter", "L"},
     {"Mark", "M"},
     {"Number", "N"},
     {"Punctuation", "P"},
     {"Symbol", "S"},
     {"Separator", "Z"},
     {"Other", "C"}}};

const Categories numeric = categories_named("N");
const Categories word = categories_named("L") | categories_named("M") | categories_named("Nd") |
                        categories_named("Nl") | categories_named("Pc");

// How many bytes the character at the front has; 0: it is broken.
std::size_t well_formed(std::string_view text) {
  const Utf8Character first = first_character(text);
  return first.status == Utf8Character::Status::whole ? first.length : 0;
}

// What utf8proc makes of a run of whole characters.
std::string mapped(std::string_view run, utf8proc_option_t options) {
  utf8proc_uint8_t* made = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(run.data()),
                                 static_cast<utf8proc_ssize_t>(run.size()), &made,
                                 static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (size < 0) return std::string(run);  // nothing but memory can fail: runs are valid
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(size)};
}

}  // namespace

Char first_char(std::string_view text) {
  const Utf8Character first = first_character(text);
  if (first.status == Utf8Character::Status::whole) return {first.code, first.length};
  return {broken + static_cast<unsigned char>(text[0]), 1};
}

void append_char(std::string& text, char32_t code) {
  if (code < broken) append_utf8(text, code);
  else text.push_back(static_cast<char>(code - broken));
}

std::u32string codes_of(std::string_view text) {
  std::u32string codes;
  codes.reserve(text.size());
  while (!text.empty()) {
    const Char next = first_char(text);
    codes.push_back(next.code);
    text.remove_prefix(next.size);
  }
  return codes;
}

std::string text_of(std::u32string_view codes) {
  std::string text;
  text.reserve(codes.size());
  for (const char32_t code : codes) append_char(text, code);
  return text;
}

Categories category(char32_t code) {
  return bit(code < broken ? utf8proc_category(static_cast<utf8proc_int32_t>(code))
                           : UTF8PROC_CATEGORY_CN);
}

Categories categories_named(std::string_view property) {
  for (const auto& [name, letter] : long_names)
    if (property == name) property = letter;
  Categories set = 0;
  for (const auto& [name, one] : single_categories)
    if (property == name || (property.size() == 1 && property[0] == name[0])) set |= one;
  return set;
}

bool is_white_space(char32_t code) {
  return (code >= 9 && code <= 13) || code == 32 || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_numeric(char32_t code) { return is_in(code, numeric); }

bool is_word(char32_t code) {  // letters in circles and squares are symbols, but alphabetic
  const bool enclosed =
      (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
      (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
  return enclosed || code == 0x200C || code == 0x200D || is_in(code, word);
}

bool is_han(char32_t code) {  // Scripts.txt of Unicode 15
  constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0x2E80, 0x2E99},   {0x2E9B, 0x2EF3},   {0x2F00, 0x2FD5},   {0x3005, 0x3005},
      {0x3007, 0x3007},   {0x3021, 0x3029},   {0x3038, 0x303B},   {0x3400, 0x4DBF},
      {0x4E00, 0x9FFF},   {0xF900, 0xFA6D},   {0xFA70, 0xFAD9},   {0x16FE2, 0x16FE3},
      {0x16FF0, 0x16FF1}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B739}, {0x2B740, 0x2B81D},
      {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0}, {0x2F800, 0x2FA1D}, {0x30000, 0x3134A},
      {0x31350, 0x323AF}};
  for (const auto& [low, high] : ranges)
    if (code >= low && code <= high) return true;
  return false;
}

char32_t lower_case(char32_t code) {
  return code < broken
             ? static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)))
             : code;
}

char32_t upper_case(char32_t code) {
  return code < broken
             ? static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code)))
             : code;
}

std::string lower_case(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  const std::u32string codes = codes_of(text);
  for (const char32_t code : codes) {
    if (code == 0x130) lower += "i\xCC\x87";  // the one letter whose lower case is two characters
    else append_char(lower, lower_case(code));
  }
  return lower;
}

std::string normalize(std::string_view text, NormalForm form) {
  const bool composed = form == NormalForm::nfc || form == NormalForm::nfkc;
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  const auto options = static_cast<utf8proc_option_t>(
      (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) | (compatible ? UTF8PROC_COMPAT : 0));
  std::string result;
  while (!text.empty()) {
    std::size_t end = 0, size = 0;
    while (end < text.size() && (size = well_formed(text.substr(end))) > 0) end += size;
    if (end > 0) result += mapped(text.substr(0, end), options);
    text.remove_prefix(end);
    if (!text.empty()) result.push_back(text[0]), text.remove_prefix(1);
  }
  return result;
}

}  // namespace pliant::text
