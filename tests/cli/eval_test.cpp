// pliant eval on the tiny model with a tokenizer beside it, and on SmolLM2 where the data is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/talking.h"

namespace pliant::test {
namespace {

using nlohmann::json;

const char* const three_questions = R"({"context": "one", "choices": ["two", "three"], "label": 0}
{"context": "two", "choices": ["three", "four", "five"], "label": 0}
{"context": "six", "choices": ["seven", "four"], "label": 0}
)";

json scored(std::vector<std::string> words) {
  words.insert(words.begin(), "eval");
  words.emplace_back("--json");
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out);
}

TEST(Eval, ScoresSetsOfEachKind) {
  const std::string choices = temporary("choices.jsonl", three_questions),
                    words = temporary("words.jsonl", "{\"text\": \"the cat sat\"}\n"),
                    answers =
                        temporary("answers.jsonl", R"({"context": "say", "reference": "it"})");
  const json got = scored({talking_model(), choices, words, answers, "--answer-tokens", "3"});
  ASSERT_EQ(got["sets"].size(), 3u);
  EXPECT_EQ(got["sets"][0]["name"], "choices");
  EXPECT_EQ(got["sets"][0]["n"], 3);
  for (const char* key : {"acc", "stderr", "acc_norm", "acc_norm_stderr"}) {
    EXPECT_GE(got["sets"][0][key], 0) << key;
    EXPECT_LE(got["sets"][0][key], 1) << key;
  }
  EXPECT_GT(got["sets"][1]["perplexity"], 1);
  EXPECT_FALSE(got["sets"][1].contains("acc_norm"));
  EXPECT_GE(got["sets"][2]["rouge_l"], 0);
  const double mean =
      (got["sets"][0]["centred"].get<double>() + got["sets"][1]["centred"].get<double>() +
       got["sets"][2]["centred"].get<double>()) /
      3;
  EXPECT_NEAR(got["centred"], mean, 1e-12);
  const Outcome shown =
      pliant({"eval", talking_model(), choices, "--shots", "1", "--prompt", "Q: {context}\\nA:"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("choices                     2"), std::string::npos) << shown.out;
}

TEST(Eval, ASuiteTakesTheSetsThatAreThere) {
  const std::string folder = temporary("suite");
  std::filesystem::create_directories(folder);
  temporary("suite/piqa.jsonl", three_questions);
  const json got = scored(
      {talking_model(), "--suite", "zero-shot", "--data", folder, "--limit", "2", "--quiet"});
  EXPECT_EQ(got["sets"][0]["name"], "piqa");
  EXPECT_EQ(got["sets"][0]["n"], 2);
  EXPECT_EQ(got["missing"].size(), 6u);
  const Outcome none = pliant({"eval", talking_model(), "--suite", "zero-shot", "--data", "."});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("has none of the sets of zero-shot"), std::string::npos) << none.err;
}

TEST(Eval, RefusesBadInputNamingThePlace) {
  const std::string good = temporary("good.jsonl", three_questions);
  const auto refused = [](std::vector<std::string> words, int code, const std::string& problem) {
    words.insert(words.begin(), {"eval", talking_model()});
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(problem), std::string::npos) << outcome.err;
    EXPECT_TRUE(outcome.out.empty());
  };
  refused({}, 2, "no set was given");
  refused({temporary("absent.jsonl")}, 1, "absent.jsonl: cannot open");
  refused({temporary("broken.jsonl", "{\"context\": \"a\",")}, 1, "broken.jsonl: line 1");
  refused({temporary("empty.jsonl", "\n\n")}, 1, "empty.jsonl: has 0 items");
  refused({good, "--prompt", "none"}, 2, "has no {context}");
  refused({good, "--shots", "3"}, 1, "has 3 items, of which 3 are to be shown");
  refused({good, "--limit", "-1"}, 2, "--limit");
  refused({"--suite", "zero-shot"}, 2, "--data");
  refused({good, "--context", "2"}, 1, "good: item");
  EXPECT_EQ(pliant({"eval", PLIANT_SOURCE "/tests/golden/openelm/tiny_a", good}).code, 1);
}

TEST(Eval, TorchScoresTheSame) {
  const std::string choices = temporary("torch-choices.jsonl", three_questions),
                    words = temporary("torch-words.jsonl", "{\"text\": \"the cat sat\"}\n");
  const std::vector<std::string> base{talking_model(), choices, words};
  std::vector<std::string> more = base;
  more.insert(more.end(), {"--machine", "torch"});
  if (!can_train()) {
    more.insert(more.begin(), "eval");
    EXPECT_NE(pliant(more).err.find("has no pliant-train"), std::string::npos);
    GTEST_SKIP() << "without libtorch";
  }
  const json native = scored(base), torch = scored(more);
  EXPECT_EQ(native["sets"][0], torch["sets"][0]);
  const double perplexity = native["sets"][1]["perplexity"];
  EXPECT_NEAR(torch["sets"][1]["perplexity"], perplexity, 1e-3 * perplexity);
  EXPECT_NE(torch["sets"][1]["perplexity"], perplexity);  // they are two machines
  more.insert(more.begin(), "eval");
  more.insert(more.end(), {"--window", "8"});
  EXPECT_NE(pliant(more).err.find("torch has no cache"), std::string::npos);
}

// What lm-eval 0.4.13 says of the first 20 items (bench/peers/lm_eval_scores.py --limit 20), give
// or take one that other kernels might round over.
TEST(Eval, SmolLM2ScoresWhatTheHarnessSays) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const std::string root = data;
  const json got =
      scored({root + "/weights/SmolLM2-135M-Instruct.Q4_1.gguf",
              root + "/multiple-choice/openbookqa.jsonl", "--limit", "20", "--exact-prompts"});
  EXPECT_EQ(got["sets"][0]["n"], 20);
  EXPECT_NEAR(got["sets"][0]["acc"], 0, 0.051);
  EXPECT_NEAR(got["sets"][0]["acc_norm"], 0.25, 0.051);
}

}  // namespace
}  // namespace pliant::test
