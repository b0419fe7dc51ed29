// Properties: texts come back from their ids; fast ways give what plain ways do.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "text/algorithms/model.h"
#include "text/data.h"
#include "text/load/load.h"

namespace pliant::test {
namespace {

const EncodeOptions plain{.add_special = false, .parse_special = false};

std::string joined(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += tokenizer.bytes(id);
  return text;
}

// Bytes with runs, spaces and letters of several bytes more often than chance has them.
std::string any_text() {
  const auto piece = rc::gen::oneOf(
      rc::gen::string<std::string>(),
      rc::gen::element<std::string>(" ", "  ", "\n", "the", "é", "日本", "'s", "🦙", "12"));
  std::string text;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(piece)) text += each;
  return text;
}

void expect_round_trip(const Tokenizer& tokenizer, bool space_before) {
  const bool held = rc::check([&] {
    const std::string text = any_text();
    RC_PRE(text.find("\xE2\x96\x81") == std::string::npos);  // "▁" stands for the space
    const std::vector<TokenId> ids = tokenizer.encode(text, plain);
    RC_ASSERT(tokenizer.decode(ids) == text);
    RC_ASSERT(joined(tokenizer, ids) == (space_before && !text.empty() ? " " + text : text));
  });
  EXPECT_TRUE(held);
}

TEST(RoundTrip, AnyBytesThroughByteLevel) {
  expect_round_trip(*load_tokenizer("golden/text/gpt2.tokenizer.json"), false);
  expect_round_trip(*load_tokenizer("golden/text/llama3.tokenizer.json"), false);
}

TEST(RoundTrip, AnyBytesThroughByteFallback) {
  expect_round_trip(*load_tokenizer("golden/text/fallback.tokenizer.json"), true);
  expect_round_trip(*load_tokenizer("golden/text/spm-bpe.model"), true);
}

TEST(RoundTrip, AnyBytesThroughAPublishedVocabulary) {
  const std::string path = data_path("tokenizers/ggml-vocab-gpt-2.gguf");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  expect_round_trip(*load_tokenizer(path), false);
}

TEST(RoundTrip, TextsWithoutBytesGiveUnknownTokensForThem) {
  const auto tokenizer = load_tokenizer("golden/text/wordpiece.tokenizer.json");
  EXPECT_EQ(tokenizer->encode("\xff", plain), (std::vector<TokenId>{tokenizer->special().unknown}));
}

TEST(Merging, QueueAndScanAgree) {
  using namespace text;
  std::vector<PieceEntry> entries;
  for (const char* piece : {"a", "b", "c", "ab", "bc", "abc", "aa", "aaa", "ca", "cab", "bb"})
    entries.push_back({.piece = piece});
  const Vocabulary vocabulary(std::move(entries), "test");
  const auto id = [&](std::string_view piece) { return vocabulary.find(piece); };
  const std::vector<Merge> merges = {{id("a"), id("a"), id("aa")},   {id("a"), id("b"), id("ab")},
                                     {id("b"), id("c"), id("bc")},   {id("ab"), id("c"), id("abc")},
                                     {id("aa"), id("a"), id("aaa")}, {id("c"), id("a"), id("ca")},
                                     {id("ca"), id("b"), id("cab")}, {id("b"), id("b"), id("bb")}};
  const auto scan = merge_model(vocabulary, merges, {}, {.linear_below = 1 << 20});
  const auto queue = merge_model(vocabulary, merges, {}, {.linear_below = 0});
  const bool held = rc::check([&] {
    const auto word = *rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
    std::vector<TokenId> slow, fast;
    scan->encode(word, slow);
    queue->encode(word, fast);
    RC_ASSERT(slow == fast);
  });
  EXPECT_TRUE(held);
}

TEST(Merging, WordsOfAMegabyteTakeNoQuadraticTime) {
  for (const char* name :
       {"gpt2.tokenizer.json", "fallback.tokenizer.json", "spm-bpe.model", "spm-unigram.model"}) {
    const auto tokenizer = load_tokenizer(std::string("golden/text/") + name);
    const std::string text(1 << 20, 'e');
    EXPECT_GT(tokenizer->encode(text).size(), 1000u) << name;
  }
}

}  // namespace
}  // namespace pliant::test
