// The published ids of llama.cpp's vocabularies.
#include <gtest/gtest.h>

#include "core/files.h"
#include "text/data.h"
#include "text/load/load.h"

namespace pliant::test {
namespace {

void expect_vectors(const Tokenizer& tokenizer, const std::string& name) {
  const std::string base = data_path("tokenizers/ggml-vocab-" + name + ".gguf.inp");
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts = split_text(read_file(base), separator);
  const std::vector<std::string> lines =
      split_text(read_file(base.substr(0, base.size() - 3) + "out"), "\n");
  if (texts.back().empty()) texts.pop_back();
  ASSERT_GE(lines.size(), texts.size());
  ASSERT_GE(texts.size(), 40u);
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(tokenizer.encode(texts[i], {.add_special = false, .parse_special = false}),
              ids_in<TokenId>(lines[i]))
        << name << " test " << i << ": " << texts[i];
}

class Vectors : public testing::TestWithParam<const char*> {};

TEST_P(Vectors, GiveThePublishedIds) {
  const std::string path = data_path(std::string("tokenizers/ggml-vocab-") + GetParam() + ".gguf");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  expect_vectors(*load_tokenizer(path), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Published, Vectors,
                         testing::Values("gpt-2", "phi-3", "starcoder", "bert-bge"));

TEST(Vectors, VocabularyAndMergesGiveTheSameIdsAsGguf) {
  const std::string path = data_path("tokenizers/gpt2-vocab.json");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  const auto tokenizer = load_tokenizer(path);
  EXPECT_EQ(tokenizer->size(), 50257);
  EXPECT_EQ(tokenizer->special().eos, 50256);
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>"), (std::vector<TokenId>{64, 50256}));
  expect_vectors(*tokenizer, "gpt-2");
}

}  // namespace
}  // namespace pliant::test
