// What a corpus is sieved by before it is trained on, as OpenELM's was.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace pliant::data {

struct FilterOptions {
  std::int64_t piece_words = 0;     // documents are cut after so many words; 0: never
  std::int64_t min_characters = 0;  // of a piece, as normalised_length() counts them
  std::int64_t min_tokens = 0;      // of a piece, those around it included
};

// Those of the paper's framework: pieces of 2,048 words, at least 200 characters and 256 tokens.
FilterOptions openelm_filters();

// Characters of a text in lower case, without ASCII punctuation, with one blank in place of several
// and none around it. `text` is UTF-8.
std::int64_t normalised_length(std::string_view text);

// Cut between words, which single spaces separate; the space at a cut is left out.
std::vector<std::string_view> pieces_of(std::string_view text, std::int64_t words);

// Nothing but ASCII white space.
bool is_blank(std::string_view text);

}  // namespace pliant::data
