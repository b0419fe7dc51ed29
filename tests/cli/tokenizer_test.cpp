// pliant tokenize, detokenize, tokenizer train.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

const std::string gpt2 = "golden/text/gpt2.tokenizer.json";

nlohmann::json json_of(const std::vector<std::string>& words) {
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

TEST(Tokenize, TextThereAndBack) {
  const std::string text = "Hello, the graph is 12 é\n\n";
  const auto json = json_of({"tokenize", gpt2, "--text", text, "--json", "--pieces"});
  EXPECT_EQ(json["ids"].size(), json["pieces"].size());
  const std::string ids = temporary("ids.json", json.dump());
  EXPECT_EQ(json_of({"detokenize", gpt2, "--file", ids, "--json"})["text"], text);
  const Outcome plain = pliant({"tokenize", gpt2, "--text", text});
  std::string listed = plain.out;
  EXPECT_EQ(pliant({"detokenize", gpt2, "--ids", listed}).out, text + "\n");
  const std::string file = temporary("text.txt", text);
  EXPECT_EQ(pliant({"tokenize", gpt2, "--file", file}).out, plain.out);
}

TEST(Tokenize, SpecialTokensOnlyIfWanted) {
  const std::string llama = "golden/text/llama3.tokenizer.json";
  EXPECT_EQ(pliant({"tokenize", llama, "--text", "<|endoftext|>"}).out, "0 0\n");
  EXPECT_GT(json_of({"tokenize", llama, "--text", "<|endoftext|>", "--no-special", "--json"})["ids"]
                .size(),
            3u);
  EXPECT_EQ(pliant({"detokenize", llama, "--ids", "0, 0"}).out, "\n");
  EXPECT_EQ(pliant({"detokenize", llama, "--ids", "0", "--special"}).out, "<|endoftext|>\n");
}

TEST(Tokenize, SaysWhatIsWrong) {
  EXPECT_EQ(pliant({"tokenize", gpt2}).code, 2);
  EXPECT_EQ(pliant({"tokenize", gpt2, "--text", "a", "--file", "b"}).code, 2);
  EXPECT_EQ(pliant({"tokenize", "no such file", "--text", "a"}).code, 1);
  EXPECT_EQ(pliant({"detokenize", gpt2, "--ids", "1,x"}).code, 2);
  const Outcome range = pliant({"detokenize", gpt2, "--ids", "100000"});
  EXPECT_EQ(range.code, 1);
  EXPECT_NE(range.err.find("100000 is outside of the vocabulary"), std::string::npos) << range.err;
  const std::string broken = temporary("broken-ids.json", "[1, -2]");
  EXPECT_NE(pliant({"detokenize", gpt2, "--file", broken}).err.find("entry 1 is no token id"),
            std::string::npos);
}

TEST(TokenizerTrain, WritesTokenizersOfEveryKind) {
  const std::string corpus = PLIANT_SOURCE "/docs/design.md";
  for (const std::string kind : {"byte-bpe", "bpe", "unigram"}) {
    const std::string out = temporary("trained-" + kind);
    const auto json = json_of({"tokenizer", "train", corpus, "--kind", kind, "--size", "500",
                               "--special", "<|end|>", "--out", out, "--json"});
    EXPECT_EQ(json["size"], 500) << kind;
    const auto ids =
        json_of({"tokenize", out, "--text", "the graph is<|end|>", "--json", "--pieces"});
    EXPECT_EQ(ids["pieces"].back(), "<|end|>") << kind;
    EXPECT_LT(ids["ids"].size(), 8u) << kind;
    EXPECT_EQ(pliant({"detokenize", out, "--ids",
                      pliant({"tokenize", out, "--text", "the lowest €"}).out})
                  .out,
              "the lowest €\n")
        << kind;
  }
  EXPECT_EQ(pliant({"tokenizer", "train", corpus, "--size", "100", "--out", temporary("x")}).code,
            2);
  EXPECT_EQ(pliant({"tokenizer", "train", corpus}).code, 2);
}

TEST(TokenizerTrain, TheSameCorpusGivesTheSameBytes) {
  const std::string corpus =
      temporary("again.txt", "one two two three three three four four four four\n");
  for (const std::string kind : {"byte-bpe", "bpe", "unigram"}) {
    const std::string ending = kind == "byte-bpe" ? ".json" : ".model";
    std::string first;
    for (const char* threads : {"1", "2"}) {
      const std::string out = temporary("same" + ending);
      const Outcome outcome = pliant({"tokenizer", "train", corpus, "--kind", kind, "--size", "269",
                                      "--out", out, "--threads", threads});
      EXPECT_EQ(outcome.code, 0) << outcome.err;
      const std::string bytes = read_file(out);
      if (first.empty()) first = bytes;
      EXPECT_TRUE(first == bytes) << kind;
    }
  }
}

}  // namespace
}  // namespace pliant::test
