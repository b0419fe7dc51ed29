#include <gtest/gtest.h>

#include "core/error.h"
#include "text/regex/regex.h"
#include "text/words/families.h"

namespace pliant::text {
namespace {

// All matches, each in brackets.
std::string found(const std::string& pattern, const std::string& text) {
  const Regex regex(pattern);
  const std::u32string codes = codes_of(text);
  RegexScan scan(regex, codes);
  std::string result;
  for (std::size_t from = 0; from <= codes.size();) {
    const auto match = scan.next(from);
    if (!match) break;
    result += "[" +
              text_of(std::u32string_view(codes).substr(match->begin, match->end - match->begin)) +
              "]";
    from = match->end > match->begin ? match->end : match->end + 1;
  }
  return result;
}

TEST(Regex, MatchesWhatItsNotationSays) {
  EXPECT_EQ(found("a|ab", "abab"), "[a][a]");
  EXPECT_EQ(found("ab|a", "aba"), "[ab][a]");
  EXPECT_EQ(found("a{2,3}", "aaaaaaa"), "[aaa][aaa]");
  EXPECT_EQ(found("a{2,3}?", "aaaa"), "[aa][aa]");
  EXPECT_EQ(found("a{,2}b", "aaab"), "[aab]");
  EXPECT_EQ(found("a{x}", "a{x}"), "[a{x}]");
  EXPECT_EQ(found("(?:ab){2,}", "abababab ab"), "[abababab]");
  EXPECT_EQ(found("(ab)+?c", "ababc"), "[ababc]");
  EXPECT_EQ(found("x*", "xx y"), "[xx][][][]");
  EXPECT_EQ(found("a+?b", "aab"), "[aab]");
  EXPECT_EQ(found("a++b|c", "aabac"), "[aab][c]");
  EXPECT_EQ(found("a++a|c", "aac"), "[c]");
  EXPECT_EQ(found("(?>a|ab)c|b", "abc"), "[b]");
  EXPECT_EQ(found("[^a-c\\]]+", "abd]ex"), "[d][ex]");
  EXPECT_EQ(found("[]a]+", "]a["), "[]a]");
  EXPECT_EQ(found("[a-z&&[^aeiou]]+", "hello"), "[h][ll]");
  EXPECT_EQ(found(".+", "a\nb"), "[a][b]");
  EXPECT_EQ(found("\\x41\\u00e9\\x{1F600}", "Aé😀"), "[Aé😀]");
}

TEST(Regex, KnowsUnicode) {
  EXPECT_EQ(found("\\p{L}+", "naïve 日本 x1"), "[naïve][日本][x]");
  EXPECT_EQ(found("\\p{Lu}\\p{Ll}*", "Éa b"), "[Éa]");
  EXPECT_EQ(found("\\P{L}+", "a1 b"), "[1 ]");
  EXPECT_EQ(found("\\p{^L}+", "a1 b"), "[1 ]");
  EXPECT_EQ(found("\\p{Han}+", "漢字かな"), "[漢字]");
  EXPECT_EQ(found("\\s+", "a\u00a0\u3000b"), "[\u00a0\u3000]");
  EXPECT_EQ(found("(?i:straße|k)+", "STRAßE\u212a"), "[STRAßE\u212a]");
  EXPECT_EQ(found("(?i:'s)s", "'Ss'SS"), "['Ss]");
  EXPECT_EQ(found("\\p{L}|[^\\p{L}]", "\xff\xc3"), "[\xff][\xc3]")
      << "bytes that are no UTF-8 stay single";
}

TEST(Regex, LooksAround) {
  EXPECT_EQ(found("\\s+(?!\\S)|\\s+", "a   b  "), "[  ][ ][  ]");
  EXPECT_EQ(found("a(?=b)", "abac"), "[a]");
  EXPECT_EQ(found("(?<!a)b", "abb"), "[b]");
  EXPECT_EQ(found("(?<=\\p{L})\\d", "1a2"), "[2]");
  EXPECT_EQ(found("^a|b$", "ab\nab"), "[a][b][a][b]");
  EXPECT_EQ(found("\\Aa|b\\z", "ab\nab"), "[a][b]");
  EXPECT_EQ(found("\\bab\\b", "ab cab ab"), "[ab][ab]");
}

struct Broken {
  const char* pattern;
  ErrorKind kind;
  const char* says;
};

TEST(Regex, RefusesWhatItDoesNotKnow) {
  const Broken cases[] = {
      {"(a", ErrorKind::format, "byte 2: a group is not closed"},
      {"a)", ErrorKind::format, "byte 1"},
      {"[a", ErrorKind::format, "a set is not closed"},
      {"*a", ErrorKind::format, "follows nothing"},
      {"a{3,2}", ErrorKind::format, "first count is above its second"},
      {"[z-a]", ErrorKind::format, "no valid end"},
      {"\\p{Klingon}", ErrorKind::unsupported, "property 'Klingon'"},
      {"\\1", ErrorKind::unsupported, "\\1"},
      {"(?<name>a)", ErrorKind::unsupported, "kind of group"},
      {"(?<=ab)c", ErrorKind::unsupported, "look-behind"},
      {"(?:a*)*", ErrorKind::unsupported, "match nothing"},
      {"a{100000}", ErrorKind::unsupported, "above 1000"},
      {"(?:(?:a|b){1000}){1000}", ErrorKind::unsupported, "too long"},
      {"\xff", ErrorKind::format, "not UTF-8"},
  };
  for (const Broken& each : cases) {
    try {
      const Regex regex(each.pattern, "file");
      ADD_FAILURE() << each.pattern;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), each.kind) << error.what();
      EXPECT_NE(std::string(error.what()).find(each.says), std::string::npos) << error.what();
      EXPECT_EQ(error.place(), "file");
    }
  }
  EXPECT_THROW(Regex(std::string(200, '(')), Error);
}

TEST(Regex, LongRunsTakeLinearTime) {
  const std::string spaces(200'000, ' '), letters(200'000, 'a');
  EXPECT_EQ(found("\\s+$", spaces + "b"), "");
  EXPECT_EQ(found("\\s*[\\r\\n]+|\\s+(?!\\S)", spaces + "b").size(), spaces.size() - 1 + 2);
  EXPECT_EQ(found("(?:a+)+b", letters), "");
  EXPECT_EQ(found(".*x", letters), "");
}

TEST(Regex, ExponentialPatternsEnd) {
  try {
    found("(?:a|aa)+b", std::string(2000, 'a'));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::capacity);
  }
}

TEST(Families, EachPatternIsUnderstoodAndEachNameIsUnique) {
  std::vector<std::string_view> names;
  for (const TokenizerFamily& family : families()) {
    for (const std::string_view pattern : family.patterns)
      EXPECT_NO_THROW(Regex{pattern}) << family.names[0];
    for (const std::string_view name : family.names) {
      EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
      EXPECT_EQ(find_family(name), &family);
      names.push_back(name);
    }
  }
  EXPECT_EQ(find_family("no such"), nullptr);
}

TEST(Families, CutAsTheirModelsDo) {
  const auto cut = [](std::string_view name, const std::string& text) {
    return found(std::string(find_family(name)->patterns.back()), text);
  };
  EXPECT_EQ(cut("gpt-2", "I'll see 123 x!!\n\n y"), "[I]['ll][ see][ 123][ x][!!][\n\n][ y]");
  EXPECT_EQ(cut("llama-bpe", "I'LL see 12345 x!!\n\n y"),
            "[I]['LL][ see][ ][123][45][ x][!!\n\n][ y]");
  EXPECT_EQ(cut("qwen2", "a 12\r\n  b"), "[a][ ][1][2][\r\n][ ][ b]");
  EXPECT_EQ(cut("gpt-4o", "HelloWorld's"), "[Hello][World's]");
  EXPECT_EQ(cut("tekken", "HELLOWorld 12"), "[HELLOWorld][ ][1][2]");
  EXPECT_EQ(cut("deepseek-v3", "don't été"), "[don]['t][ été]");
}

}  // namespace
}  // namespace pliant::text
