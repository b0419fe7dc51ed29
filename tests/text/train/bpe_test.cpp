#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "text/data.h"
#include "text/load/load.h"
#include "text/train/bpe.h"

namespace pliant::test {
namespace {

TEST(TrainByteBpe, ReproducesTheReference) {
  const std::string corpus = data_path("tokenizers/bpe-train/corpus.en");
  if (corpus.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  const TrainedBpe trained =
      train_byte_bpe(MappedFile(corpus).text(), {.size = 500, .special = {"<|endoftext|>"}});
  std::string merges;
  for (const auto& [left, right] : trained.merges) merges += left + " " + right + "\n";
  const std::string expected =
      read_file(data_path("tokenizers/bpe-train/train-bpe-reference-merges.txt"));
  EXPECT_EQ(split_text(merges, "\n"),
            split_text(expected.ends_with('\n') ? expected : expected + "\n", "\n"));
  const auto vocabulary = parse_json(
      read_file(data_path("tokenizers/bpe-train/train-bpe-reference-vocab.json")), "vocabulary");
  ASSERT_EQ(trained.pieces.size(), vocabulary.size());
  for (std::size_t id = 0; id < trained.pieces.size(); ++id)
    EXPECT_EQ(vocabulary.value(trained.pieces[id], -1), static_cast<int>(id));
}

TEST(TrainByteBpe, WritesWhatItsReadersRead) {
  const std::string text =
      "low low low lower lower newest newest newest newest newest newest widest widest widest\n";
  const TrainedBpe trained =
      train_byte_bpe(text, {.size = 270, .special = {"<|end|>", "<|pad|>"}, .family = "llama-bpe"});
  const auto json =
      tokenizer_from_json(tokenizer_json(trained), tokenizer_config_json(trained), "trained");
  EXPECT_EQ(json->size(), 270);
  EXPECT_EQ(json->special().eos, 0);
  EXPECT_EQ(json->kind(1), TokenKind::control);
  EXPECT_EQ(json->decode(json->encode(text)), text);
  const TrainedBpe simple = train_byte_bpe(text, {.size = 270, .special = {"<|end|>"}});
  const auto whole =
      tokenizer_from_json(tokenizer_json(simple), tokenizer_config_json(simple), "whole");
  const auto pair = tokenizer_from_merges(vocabulary_json(simple), merges_text(simple),
                                          tokenizer_config_json(simple), "pair");
  EXPECT_EQ(whole->encode(text + "<|end|>"), pair->encode(text + "<|end|>"));
  EXPECT_EQ(pair->encode("<|end|>"), std::vector<TokenId>{0});
}

TEST(TrainByteBpe, SpecialTokensCutTheTextAndRareTextEndsEarly) {
  const TrainedBpe trained = train_byte_bpe("ab<x>ab", {.size = 300, .special = {"<x>"}});
  ASSERT_EQ(trained.merges.size(), 1u);
  EXPECT_EQ(trained.merges[0], std::pair(std::string("a"), std::string("b")));
  EXPECT_EQ(train_byte_bpe("ab ab cd", {.size = 300, .least_count = 2}).merges.size(), 1u);
  EXPECT_EQ(train_byte_bpe("", {.size = 300}).pieces.size(), 256u);
}

TEST(TrainByteBpe, RefusesOptionsOutOfRange) {
  EXPECT_THROW(train_byte_bpe("a", {.size = 255}), Error);
  EXPECT_THROW(train_byte_bpe("a", {.size = 300, .special = {"x", "x"}}), Error);
  EXPECT_THROW(train_byte_bpe("a", {.size = 300, .family = "none"}), Error);
}

}  // namespace
}  // namespace pliant::test
