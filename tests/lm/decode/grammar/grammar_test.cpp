#include "lm/decode/grammar/grammar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "core/error.h"
#include "core/rng.h"
#include "lm/decode/expect_error.h"
#include "lm/decode/vocabulary.h"

namespace pliant::lm {
namespace {

struct LanguageCase {
  const char* grammar;
  std::vector<std::string> in, out;
};

TEST(Grammar, MatchesItsLanguage) {
  const LanguageCase cases[] = {
      {R"g(root ::= "ab" | "c")g", {"ab", "c"}, {"", "a", "abc", "b"}},
      {"root ::= \"a\"\n  | \"b\" # other\n  | c\nc ::= \"c\"", {"a", "b", "c"}, {"d", ""}},
      {"# a comment\nroot ::= (\n \"a\" # one\n | \"b\"\n)+ \"!\"?",
       {"a", "abba!", "b!"},
       {"!", ""}},
      {R"g(root ::= [a-cx]* [^a-c])g", {"x", "abcz", "\xE2\x82\xAC", "xx"}, {"a", "", "abc"}},
      {R"g(root ::= "(" root ")" | "")g", {"", "()", "((()))"}, {"(", ")(", "(()"}},
      {R"g(root ::= "a" root "b" | "ab")g", {"ab", "aabb", "aaabbb"}, {"aab", "abb", ""}},
      {R"g(root ::= item ("," item)*
item ::= [0-9]+)g",
       {"1", "12,3,456"},
       {"", ",1", "1,"}},
      {R"g(root ::= "a"{2} "b"{1,3} "c"{2,} "d"{0,1} "e"{0})g",
       {"aabcc", "aabbbccccd"},
       {"abcc", "aabbbbcc", "aabc", "aabcce"}},
      {R"g(root ::= ("ab"){2,3})g", {"abab", "ababab"}, {"ab", "abababab", "aba"}},
      {R"g(root ::= ("a"?){2,4} "b")g", {"b", "ab", "aaaab"}, {"aaaaab", "a"}},
      {R"g(root ::= ("a"*)* "b")g", {"b", "aaab"}, {"a", "ba"}},
      {R"g(root ::= "\x41\u00e9\U0001F600\"\\\n\t\r\[\]")g",
       {"A\xC3\xA9\xF0\x9F\x98\x80\"\\\n\t\r[]"},
       {"A"}},
      {R"g(root ::= [\]\-^\\a-])g", {"]", "-", "^", "\\", "a"}, {"b", "["}},
      {R"g(root ::= . .)g",
       {"ab", "\xC3\xA9\n", "\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"},
       {"a", "\xC3", "\xED\xA0\x80z"}},
      {R"g(root ::= [α-ω]{2,3})g", {"αβ", "ωωω"}, {"α", "ab", "αβγδ"}},
      {R"g(root ::= [ -\U0010FFFF])g",
       {" ", "~", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80"},
       {"\x1F", "\xE0\x80\x80", "\xC0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80"}},
      {R"g(root ::= "" | a-rule_2
a-rule_2 ::= "x")g",
       {"", "x"},
       {"xx"}},
      {R"g(root ::= a a
a ::= ("x" | "y") a | "z")g",
       {"zz", "xyzxz"},
       {"z", "zzz"}},
  };
  for (const LanguageCase& each : cases) {
    const Grammar grammar(each.grammar, "test");
    for (const std::string& text : each.in)
      EXPECT_TRUE(grammar.matches(text)) << each.grammar << "\n" << text;
    for (const std::string& text : each.out)
      EXPECT_FALSE(grammar.matches(text)) << each.grammar << "\n" << text;
  }
}

// A random pattern over {a, b}, in GBNF and as a regular expression.
std::pair<std::string, std::string> random_pattern(Rng& rng, int depth) {
  const auto part = [&] { return random_pattern(rng, depth - 1); };
  switch (depth == 0 ? rng.below(3) : rng.below(8)) {
    case 0: return {"\"a\"", "a"};
    case 1: return {"[b]", "b"};
    case 2: return {".", "."};
    case 3:
    case 4: {
      const auto [a, b] = part();
      const auto [c, d] = part();
      return {a + " " + c, b + d};
    }
    case 5: {
      const auto [a, b] = part();
      const auto [c, d] = part();
      return {"(" + a + " | " + c + ")", "(?:" + b + "|" + d + ")"};
    }
    default: {
      const auto [a, b] = part();
      const std::string low = std::to_string(rng.below(3)), high = std::to_string(2 + rng.below(2));
      const std::string marks[] = {
          "*", "+", "?", "{" + low + "}", "{" + low + ",}", "{" + low + "," + high + "}"};
      const std::string& mark = marks[rng.below(6)];
      return {"(" + a + ")" + mark, "(?:" + b + ")" + mark};
    }
  }
}

TEST(Grammar, AgreesWithRegularExpressions) {
  Rng rng(6);
  std::vector<std::string> texts = {""};
  for (std::size_t i = 0; texts.size() < 127; ++i) {
    texts.push_back(texts[i] + "a");
    texts.push_back(texts[i] + "b");
  }
  for (int trial = 0; trial < 400; ++trial) {
    const auto [gbnf, pattern] = random_pattern(rng, 4);
    const Grammar grammar("root ::= " + gbnf, "test");
    const std::regex regex(pattern);
    for (const std::string& text : texts)
      ASSERT_EQ(grammar.matches(text), std::regex_match(text, regex)) << gbnf << "\n"
                                                                      << pattern << "\n"
                                                                      << text;
  }
}

void expect_refused(ErrorKind kind, const std::string& words, const std::string& grammar) {
  expect_error(kind, words, [&] { const Grammar made(grammar, "test"); });
}

TEST(Grammar, WhatIsNoGrammarIsAnErrorWithItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1, column 1: the grammar is empty"},
      {"# nothing\n", "the grammar is empty"},
      {"start ::= \"a\"", "there is no rule 'root'"},
      {"root ::= a b\na ::= \"x\"", "line 1, column 12: the rule 'b' is not defined"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule 'root' is defined twice"},
      {"root = \"a\"", "line 1, column 6: '::=' expected"},
      {"root ::= \"a", "line 1, column 12: the literal has no closing"},
      {"root ::= \"a\nb\"", "the literal has no closing"},
      {"root ::= [a", "the class has no closing"},
      {"root ::= [b-a]", "line 1, column 14: the range ends before it begins"},
      {"root ::= []", "line 1, column 10: a class that no character is in"},
      {"root ::= [^\\x00-\\U0010FFFF]", "a class that no character is in"},
      {"root ::= (\"a\"", "')' is missing"},
      {"root ::= \"a\")", "unexpected ')'"},
      {"root ::= *", "line 1, column 10: nothing before it to repeat"},
      {"root ::= \"a\"{2,1}", "a repetition of at least 2 and at most 1"},
      {"root ::= \"a\"{x}", "a number expected"},
      {"root ::= \"a\"{1", "'}' expected"},
      {"root ::= \"\\q\"", "line 1, column 12: an unknown escape"},
      {"root ::= \"\\x4\"", "2 hexadecimal digits expected"},
      {"root ::= \"\\uD800\"", "no Unicode character"},
      {"root ::= \"\xFF\"", "not UTF-8"},
      {"root ::= \"a\" ; \"b\"", "unexpected ';'"},
      {"root ::= \"é\" ;", "column 14"},
      {"::= \"a\"", "the name of a rule expected"},
      {"root ::= root \"a\" | \"b\"", "line 1, column 10: the rule 'root' calls itself before"},
      {"root ::= \"x\"? a\na ::= \"\" b\nb ::= root | \"z\"", "left recursion"},
      {"root ::= (a)*\na ::= \"x\"* a \"y\" | \"z\"", "left recursion"},
      {"root ::= \"a\" root", "no finite text matches the rule 'root'"},
      {"root ::= \"a\" | x\nx ::= \"b\" y\ny ::= \"c\" x", "no finite text matches the rule 'x'"},
  };
  for (const auto& [grammar, words] : cases) expect_refused(ErrorKind::format, words, grammar);
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Grammar, HostileGrammarsAreErrors) {
  expect_refused(ErrorKind::capacity, "nested deeper",
                 "root ::= " + repeated("(", 1000) + "\"a\"" + repeated(")", 1000));
  expect_refused(ErrorKind::capacity, "a repetition of more than", "root ::= \"a\"{2000000000}");
  expect_refused(ErrorKind::capacity, "of what may be empty", "root ::= (\"a\"?){1000}");
  expect_refused(ErrorKind::capacity, "bytes", "root ::= \"" + std::string(5 << 20, 'a') + "\"");
  // 2^n different stacks after n characters.
  const Grammar ambiguous(R"g(root ::= "a" root "x" | "a" root "y" | "b")g", "test");
  EXPECT_THROW(ambiguous.matches(repeated("a", 40)), Error);
  // Nested repetitions multiply, but only what is reached counts.
  EXPECT_TRUE(Grammar("root ::= (((\"a\"{1000}){1000}){1000}){0,1000}", "test").matches(""));
  EXPECT_FALSE(Grammar("root ::= (((\"a\"{1000}){1000}){1000}){0,1000}", "test")
                   .matches(repeated("a", 3000)));
}

std::vector<TokenId> allowed(const TokenFilter& filter, TokenId size) {
  std::vector<float> logits(static_cast<std::size_t>(size), 1.0F);
  filter.mask(logits);
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < size; ++id)
    if (!std::isinf(logits[id])) ids.push_back(id);
  return ids;
}

TEST(GrammarFilter, AllowsWhatCanGoOn) {
  const ListTokenizer tokenizer({"a", "ab", "abc", "b", "bc", "c", "", "ab", "abcd"});
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  GrammarFilter filter(Grammar("root ::= \"ab\" \"c\"?", "test"), trie);
  EXPECT_EQ(allowed(filter, 10), (std::vector<TokenId>{1, 2, 3, 8}));
  const auto copy = filter.copy();
  filter.accept(1);
  EXPECT_EQ(allowed(filter, 12), (std::vector<TokenId>{4, 5}));
  filter.accept(4);
  EXPECT_TRUE(filter.complete());
  EXPECT_FALSE(filter.done());
  EXPECT_EQ(allowed(filter, 10), (std::vector<TokenId>{0, 6}));
  filter.accept(6);
  EXPECT_TRUE(filter.done());
  EXPECT_EQ(allowed(filter, 10), (std::vector<TokenId>{0}));
  filter.accept(0);
  EXPECT_TRUE(filter.done());
  EXPECT_TRUE(allowed(filter, 10).empty());
  EXPECT_EQ(allowed(*copy, 10), (std::vector<TokenId>{1, 2, 3, 8}));
}

TEST(GrammarFilter, RefusesWhatTheMaskExcludes) {
  const ListTokenizer tokenizer({"a", "b", ""});
  GrammarFilter filter(Grammar("root ::= \"ab\"", "test"),
                       std::make_shared<const TokenTrie>(tokenizer));
  for (const TokenId id : {0, 2, 3, 4, -1}) EXPECT_THROW(filter.accept(id), Error) << id;
  filter.accept(1);  // a refused token has changed nothing
  filter.accept(2);
  filter.accept(0);
  EXPECT_THROW(filter.accept(0), Error);
}

TEST(GrammarFilter, AVocabularyThatCannotGoOnIsAnError) {
  const ListTokenizer tokenizer({"a"});
  GrammarFilter filter(Grammar("root ::= \"ab\"", "test"),
                       std::make_shared<const TokenTrie>(tokenizer));
  filter.accept(1);
  std::vector<float> logits(2);
  try {
    filter.mask(logits);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  }
}

TEST(GrammarFilter, TokensMaySplitCharacters) {
  const ListTokenizer tokenizer(all_bytes());
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  GrammarFilter filter(Grammar("root ::= [α-γ]\"€\"", "test"), trie);
  const auto byte = [](unsigned char value) { return static_cast<TokenId>(value) + 1; };
  EXPECT_EQ(allowed(filter, 257), (std::vector<TokenId>{byte(0xCE)}));
  filter.accept(byte(0xCE));
  EXPECT_EQ(allowed(filter, 257), (std::vector<TokenId>{byte(0xB1), byte(0xB2), byte(0xB3)}));
  for (const unsigned char next : {0xB2, 0xE2, 0x82, 0xAC}) filter.accept(byte(next));
  EXPECT_TRUE(filter.done());
}

// Random walks: every allowed token can be accepted, every text that ends matches; masks equal a
// look at each token.
TEST(GrammarFilter, MasksEqualALookAtEachToken) {
  Rng rng(8);
  std::vector<std::string> pieces;
  for (int i = 0; i < 40; ++i) {
    std::string piece;
    for (std::int64_t length = rng.between(1, 5); length > 0; --length)
      piece += "ab,()\xC3\xA9"[rng.below(7)];
    pieces.push_back(piece);
  }
  for (const char* each : {"a", "b", ",", "(", ")", "\xC3", "\xA9"}) pieces.emplace_back(each);
  const ListTokenizer tokenizer(pieces);
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  const Grammar grammar(
      "root ::= item (\",\" item){0,3}\nitem ::= [ab]{1,4} | \"(\" root \")\" | \"\\u00e9\"+",
      "test");
  int finished = 0;
  for (int trial = 0; trial < 200; ++trial) {
    GrammarFilter filter(grammar, trie);
    std::string text;
    for (int length = 0; length < 30; ++length) {
      const std::vector<TokenId> ids = allowed(filter, tokenizer.size());
      std::vector<TokenId> want;
      for (TokenId id = 0; id < tokenizer.size(); ++id) {
        try {
          filter.copy()->accept(id);
          want.push_back(id);
        } catch (const Error&) {
        }
      }
      ASSERT_EQ(ids, want) << text;
      ASSERT_FALSE(ids.empty());
      const TokenId id = ids[rng.below(static_cast<std::int64_t>(ids.size()))];
      filter.accept(id);
      text += tokenizer.bytes(id);
      if (id != 0) continue;
      ASSERT_TRUE(grammar.matches(text)) << text;
      ++finished;
      break;
    }
  }
  EXPECT_GT(finished, 50);
}

TEST(GrammarFilter, DeepNestingEndsAtTheBound) {
  const ListTokenizer tokenizer({"(", ")"});
  GrammarFilter filter(Grammar("root ::= \"(\" root \")\" | \"\"", "test"),
                       std::make_shared<const TokenTrie>(tokenizer));
  int depth = 0;
  for (; depth < 5000 && allowed(filter, 3)[0] != 2; ++depth) {
    if (allowed(filter, 3) == std::vector<TokenId>{2}) break;
    const std::vector<TokenId> ids = allowed(filter, 3);
    if (std::find(ids.begin(), ids.end(), 1) == ids.end()) break;
    filter.accept(1);
  }
  EXPECT_GT(depth, 500);
  EXPECT_LT(depth, 1100);
  for (int i = 0; i < depth; ++i) filter.accept(2);
  EXPECT_TRUE(filter.done());
}

// More states than one automaton keeps: it starts afresh on the way and nothing changes.
TEST(GrammarFilter, LongTextsStartTheAutomatonAfresh) {
  const Grammar grammar("root ::= ([a-z] [0-9]){0,300000} \"!\"", "test");
  std::string text;
  for (int i = 0; i < 150000; ++i)
    text += static_cast<char>('a' + i % 26), text += static_cast<char>('0' + i % 10);
  const ListTokenizer tokenizer(all_bytes());
  GrammarFilter filter(grammar, std::make_shared<const TokenTrie>(tokenizer));
  for (const char byte : text) filter.accept(static_cast<unsigned char>(byte) + 1);
  EXPECT_THROW(filter.accept('a' + 1 - 33), Error);
  filter.accept('!' + 1);
  EXPECT_TRUE(filter.done());
  EXPECT_TRUE(grammar.matches(text + "!"));
}

}  // namespace
}  // namespace pliant::lm
