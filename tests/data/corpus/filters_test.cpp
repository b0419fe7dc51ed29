#include "data/corpus/filters.h"

#include <gtest/gtest.h>

#include <string>

namespace pliant::data {
namespace {

using Pieces = std::vector<std::string_view>;

TEST(Filters, CountCharactersWithoutPunctuationAndRunsOfBlanks) {
  EXPECT_EQ(normalised_length(""), 0);
  EXPECT_EQ(normalised_length("  \n "), 0);
  EXPECT_EQ(normalised_length("...!?"), 0);
  EXPECT_EQ(normalised_length("Hello, World!"), 11);
  EXPECT_EQ(normalised_length(" a \n\t b "), 3);
  EXPECT_EQ(normalised_length("a - b"), 3);  // the dash goes, and its blanks are one
  EXPECT_EQ(normalised_length("été"), 3);    // characters, not bytes
  EXPECT_EQ(normalised_length("„x“"), 3);    // only ASCII punctuation goes
  EXPECT_EQ(normalised_length("a\xC2\xA0 b"), 3);
  EXPECT_EQ(normalised_length("İ"), 2);  // its lower case
}

TEST(Filters, CutAfterWords) {
  EXPECT_EQ(pieces_of("a b c d e", 2), (Pieces{"a b", "c d", "e"}));
  EXPECT_EQ(pieces_of("a b", 2), (Pieces{"a b"}));
  EXPECT_EQ(pieces_of("a\nb c d", 2), (Pieces{"a\nb c", "d"}));
  EXPECT_EQ(pieces_of("a b c", 0), (Pieces{"a b c"}));
  EXPECT_EQ(pieces_of("", 2), (Pieces{""}));
}

TEST(Filters, AreThePapers) {
  const FilterOptions filters = openelm_filters();
  EXPECT_EQ(filters.piece_words, 2048);
  EXPECT_EQ(filters.min_characters, 200);
  EXPECT_EQ(filters.min_tokens, 256);
}

}  // namespace
}  // namespace pliant::data
