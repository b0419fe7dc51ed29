// What people who come from other programs write: understood, or told how it is said here.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/talking.h"
#include "core/files.h"

namespace pliant::test {
namespace {

std::string text(const std::vector<std::string>& words) {
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

TEST(Habits, OptionsOfOtherProgramsAreUnderstood) {
  const std::string model = talking_model(), prompt = temporary("prompt.txt", "the cat");
  const std::string own = text({"generate", model, "--file", prompt, "--tokens", "6",
                                "--temperature", "0", "--context", "64", "--threads", "1"});
  EXPECT_EQ(text({"generate", "-m", model, "-f", prompt, "--max-tokens=6", "--temp", "0", "-c",
                  "64", "-t", "1"}),
            own);
  EXPECT_EQ(text({"generate", "--model=" + model, "-p", "the cat", "--n-predict", "6", "--temp=0",
                  "--ctx-size", "64"}),
            own);
}

TEST(Habits, MinusOneTokenMeansUntilTheEnd) {
  const auto finish = [](const std::string& tokens) {
    return nlohmann::json::parse(text({"generate", talking_model(), "-p", "the cat", "-n", tokens,
                                       "--ignore-end", "--context", "32", "--json"}))["finish"];
  };
  EXPECT_EQ(finish("-1"), "context");
  EXPECT_EQ(finish("3"), "tokens");
}

TEST(Habits, GrammarsAndSchemasMayStandOnTheCommandLine) {
  const std::string rule = "root ::= \"ab\" [bc]{2}\n", schema = R"( {"enum": [12]})";
  const auto guided = [](const std::string& option, const std::string& value) {
    return text({"generate", talking_model(), "-p", "the", option, value});
  };
  EXPECT_EQ(guided("--grammar", rule), guided("--grammar", temporary("rule.gbnf", rule)));
  EXPECT_EQ(guided("--json-schema", schema), "12\n");
  const std::string longer = schema + std::string(5000, ' ');  // than a name may be
  EXPECT_EQ(guided("--json-schema", longer), "12\n");
  const Outcome broken = pliant({"generate", talking_model(), "-p", "x", "--json-schema", "{1}"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("--json-schema at byte 2: "), std::string::npos) << broken.err;
}

TEST(Habits, AByteOrderMarkIsNoText) {
  const auto said = [](const std::string& prompt) {
    return text({"generate", talking_model(), "--file", temporary("marked.txt", prompt), "-n", "4",
                 "--temp", "0"});
  };
  EXPECT_EQ(said("\xef\xbb\xbfthe cat"), said("the cat"));
}

TEST(Habits, RunningALanguageModelNamesWhatOpensIt) {
  const Outcome outcome = pliant({"run", talking_model()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("pliant generate"), std::string::npos) << outcome.err;
}

TEST(Habits, QuantizeWritesOverNothingUnasked) {
  const std::string out = temporary("kept.gguf", "mine");
  std::vector<std::string> words{"quantize", talking_model(), "--to", "Q8_0", "--out", out};
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("exists already"), std::string::npos) << outcome.err;
  EXPECT_EQ(read_file(out), "mine");
  words.emplace_back("--force");
  text(words);
  EXPECT_NE(read_file(out), "mine");
}

}  // namespace
}  // namespace pliant::test
