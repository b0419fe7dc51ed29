// Tokenizers through GGUF files: what is written and read again is the same tokenizer.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "text/data.h"
#include "text/load/load.h"

namespace pliant::test {
namespace {

std::shared_ptr<const Tokenizer> through_gguf(const Tokenizer& tokenizer) {
  const std::string path = testing::TempDir() + "/tokenizer.gguf";
  Gguf file;
  file.metadata.emplace_back("general.architecture", std::string("llama"));
  for (auto& each : gguf_metadata(tokenizer)) file.metadata.push_back(std::move(each));
  write_gguf(path, file);
  return load_tokenizer(path);
}

void expect_same(const Tokenizer& before, const Tokenizer& after, bool pieces) {
  ASSERT_EQ(before.size(), after.size());
  for (TokenId id = 0; id < before.size(); ++id) {
    EXPECT_EQ(before.kind(id), after.kind(id)) << before.piece(id);
    if (pieces) {
      EXPECT_EQ(before.piece(id), after.piece(id));
    }
    if (before.kind(id) != TokenKind::unknown) {
      EXPECT_EQ(before.bytes(id), after.bytes(id)) << before.piece(id);
    }
  }
  const SpecialTokens &a = before.special(), &b = after.special();
  EXPECT_EQ(a.eos, b.eos);
  EXPECT_EQ(a.pad, b.pad);
  EXPECT_EQ(a.end_of_generation, b.end_of_generation);
  EXPECT_EQ(before.chat_template().text, after.chat_template().text);
  const std::string path = "golden/text/texts.json";
  for (const auto& each : parse_json(read_file(path), path)) {
    const auto text = each.get<std::string>();
    // Readers of GGUF files find user-defined pieces before they normalise, which puts a space
    // after them.
    if (before.algorithm() != "bpe" &&
        (text.find("<mask>") != std::string::npos || text.find("foo") != std::string::npos))
      continue;
    EXPECT_EQ(before.encode(text), after.encode(text)) << text;
    EXPECT_EQ(before.encode(text, {.add_special = false, .parse_special = false}),
              after.encode(text, {.add_special = false, .parse_special = false}))
        << text;
  }
}

class ThroughGguf : public testing::TestWithParam<const char*> {};

TEST_P(ThroughGguf, StaysTheSame) {
  const std::string name = GetParam();
  const auto before = load_tokenizer("golden/text/" + name);
  expect_same(*before, *through_gguf(*before), name != "wordpiece.tokenizer.json");
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, ThroughGguf,
                         testing::Values("llama3.tokenizer.json", "qwen2.tokenizer.json",
                                         "wordpiece.tokenizer.json", "spm-bpe.model",
                                         "spm-unigram.model"));

TEST(ThroughGguf, PublishedFiles) {
  for (const char* name : {"gpt-2", "phi-3", "starcoder", "bert-bge"}) {
    const std::string path = data_path(std::string("tokenizers/ggml-vocab-") + name + ".gguf");
    if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
    const auto before = load_tokenizer(path);
    expect_same(*before, *through_gguf(*before), true);
  }
  const auto unigram = load_tokenizer(data_path("tokenizers/sp-unigram-test.model"));
  expect_same(*unigram, *through_gguf(*unigram), true);
  const auto llama = load_tokenizer(data_path("weights/tok512.bin"));
  expect_same(*llama, *through_gguf(*llama), true);
}

TEST(ThroughGguf, SaysWhatItCannotHold) {
  for (const char* name :
       {"falcon.tokenizer.json", "steps.tokenizer.json", "unigram.tokenizer.json"}) {
    try {
      gguf_metadata(*load_tokenizer(std::string("golden/text/") + name));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_NE(error.problem().find("GGUF"), std::string::npos);
    }
  }
}

TEST(ThroughGguf, CarriesChatTemplateAndRoles) {
  const std::string json = read_file("golden/text/gpt2.tokenizer.json");
  const auto before = tokenizer_from_json(
      json,
      R"({"eos_token": {"content": "<|endoftext|>"}, "chat_template": [{"name": "default", "template": "{{ x }}"}]})",
      "gpt2");
  EXPECT_EQ(before->chat_template().text, "{{ x }}");
  EXPECT_EQ(through_gguf(*before)->chat_template().text, "{{ x }}");
  EXPECT_EQ(through_gguf(*before)->special().eos, before->special().eos);
}

}  // namespace
}  // namespace pliant::test
