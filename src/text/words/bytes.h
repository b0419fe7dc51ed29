// How vocabularies write single bytes: byte-level BPE as one printable character each (GPT-2's
// table), SentencePiece as "<0x0A>"; and how they write the space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pliant::text {

inline constexpr std::string_view space_mark = "\xE2\x96\x81";  // "▁", U+2581

const std::string& byte_character(unsigned char byte);
std::optional<unsigned char> byte_of_character(char32_t code);
std::string byte_characters(std::string_view bytes);
// The bytes a piece of such characters stands for; nothing if it holds another character.
std::optional<std::string> bytes_of_characters(std::string_view piece);

std::string byte_piece(unsigned char byte);                          // "<0x0A>"
std::optional<unsigned char> byte_of_piece(std::string_view piece);  // upper or lower case digits

// BERT's spacing: none before punctuation that ends something, none in English contractions.
void clean_up_spaces(std::string& text);

void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace pliant::text
