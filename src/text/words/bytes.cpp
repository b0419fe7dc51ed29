#include "text/words/bytes.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "text/unicode/unicode.h"

namespace pliant::text {
namespace {

constexpr std::size_t alphabet_end = 0x144;

struct ByteAlphabet {
  std::array<std::string, 256> characters;
  std::array<int, alphabet_end> bytes;

  // Bytes that print as Latin-1 characters are those; the others, in order, are the characters from
  // U+0100 on.
  ByteAlphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool prints =
          (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      const char32_t code = prints ? static_cast<char32_t>(byte) : next++;
      append_char(characters[byte], code);
      bytes[code] = byte;
    }
  }
};

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

}  // namespace

const std::string& byte_character(unsigned char byte) { return byte_alphabet().characters[byte]; }

std::optional<unsigned char> byte_of_character(char32_t code) {
  if (code >= alphabet_end || byte_alphabet().bytes[code] < 0) return {};
  return static_cast<unsigned char>(byte_alphabet().bytes[code]);
}

std::string byte_characters(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += byte_character(static_cast<unsigned char>(c));
  return text;
}

std::optional<std::string> bytes_of_characters(std::string_view piece) {
  std::string bytes;
  while (!piece.empty()) {
    const Char next = first_char(piece);
    const auto byte = byte_of_character(next.code);
    if (!byte) return {};
    bytes.push_back(static_cast<char>(*byte));
    piece.remove_prefix(next.size);
  }
  return bytes;
}

std::string byte_piece(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

std::optional<unsigned char> byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return {};
  unsigned value = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, value, 16);
  if (error != std::errc() || end != piece.data() + 5) return {};
  return static_cast<unsigned char>(value);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  std::string result;
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(from, at)) != std::string::npos;
       at = found + from.size()) {
    result.append(text, at, found - at);
    result += to;
  }
  if (at > 0) text = result + text.substr(at);
}

void clean_up_spaces(std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : rules) replace_all(text, from, to);
}

}  // namespace pliant::text
