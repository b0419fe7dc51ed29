// Ids and texts made by the Python packages tokenizers and sentencepiece (golden/text/make.py).
#include <gtest/gtest.h>

#include <algorithm>

#include "core/files.h"
#include "core/json.h"
#include "text/data.h"
#include "text/load/load.h"

namespace pliant::test {
namespace {

nlohmann::json golden(const std::string& name) {
  const std::string path = "golden/text/" + name;
  return parse_json(read_file(path), path);
}

// `sentencepiece`: the expectation is SentencePiece's, which finds no control tokens in texts and
// shows unknown ones.
void expect_golden(const Tokenizer& tokenizer, const std::string& name, bool sentencepiece) {
  const EncodeOptions plain{.add_special = false, .parse_special = !sentencepiece};
  const nlohmann::json texts = golden("texts.json"), expected = golden(name + ".expected.json");
  ASSERT_EQ(texts.size(), expected["ids"].size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i].get<std::string>();
    const auto ids = expected["ids"][i].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer.encode(text, plain), ids) << name << " text " << i << ": " << text;
    const bool unknown = std::ranges::any_of(
        ids, [&](TokenId id) { return tokenizer.kind(id) == TokenKind::unknown; });
    if (sentencepiece || !unknown) {
      EXPECT_EQ(tokenizer.decode(ids), expected["decoded"][i].get<std::string>())
          << name << " text " << i;
    }
  }
  for (std::size_t i = 0; i < expected.value("special", nlohmann::json::array()).size(); ++i)
    EXPECT_EQ(tokenizer.encode(texts[i].get<std::string>()),
              expected["special"][i].get<std::vector<TokenId>>())
        << name << " text " << i;
}

class GoldenJson : public testing::TestWithParam<const char*> {};

TEST_P(GoldenJson, GivesThePackagesIds) {
  const std::string name = GetParam();
  expect_golden(*load_tokenizer("golden/text/" + name + ".tokenizer.json"), name, false);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, GoldenJson,
                         testing::Values("gpt2", "llama3", "qwen2", "falcon", "digits", "fallback",
                                         "unigram", "wordpiece", "steps"));

class GoldenModel : public testing::TestWithParam<const char*> {};

TEST_P(GoldenModel, GivesThePackagesIds) {
  const std::string name = GetParam();
  expect_golden(*load_tokenizer("golden/text/" + name + ".model"), name, true);
}

INSTANTIATE_TEST_SUITE_P(SentencePiece, GoldenModel, testing::Values("spm-bpe", "spm-unigram"));

TEST(GoldenModel, NormalisedUnigram) {
  const std::string path = data_path("tokenizers/sp-unigram-test.model");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  expect_golden(*load_tokenizer(path), "sp-unigram", true);
}

TEST(GoldenModel, Llama2cAndSentencePieceAgree) {
  const std::string path = data_path("weights/tok512.model");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  const auto model = load_tokenizer(path), binary = load_tokenizer(data_path("weights/tok512.bin"));
  ASSERT_EQ(model->size(), binary->size());
  for (TokenId id = 0; id < model->size(); ++id) {
    EXPECT_EQ(model->piece(id), binary->piece(id));
    EXPECT_EQ(model->kind(id), binary->kind(id)) << model->piece(id);
    if (model->kind(id) != TokenKind::unknown) {
      EXPECT_EQ(model->bytes(id), binary->bytes(id));
    }
  }
  EXPECT_EQ(model->special().bos, binary->special().bos);
  // the model's normaliser drops spaces, llama2.c has none
  for (const auto& each : golden("texts.json")) {
    const auto text = each.get<std::string>();
    const bool spaced = text.starts_with(' ') || text.ends_with(' ') ||
                        text.find("▁") != std::string::npos || text.find("  ") != std::string::npos;
    if (!spaced) {
      EXPECT_EQ(model->encode(text), binary->encode(text)) << text;
    }
  }
  EXPECT_EQ(model->encode("Once upon a time")[0], 1);
}

}  // namespace
}  // namespace pliant::test
