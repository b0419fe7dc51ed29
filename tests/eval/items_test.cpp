#include "eval/items.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "eval/suites.h"

namespace pliant::eval {
namespace {

const char* const questions =
    R"({"id": 0, "context": "Two?", "choices": ["one", "deux é"], "label": 1}

{"context": "Three?", "choices": ["drei", "tri", "x"], "label": 0}
)";

TEST(Items, AreReadWithTheirPrompt) {
  const ItemSet set =
      items_from_json_lines(questions, "a/b/numbers.x.jsonl", {.prompt = "Q: {context}\nA:"});
  EXPECT_EQ(set.name, "numbers.x");
  ASSERT_EQ(set.items.size(), 2u);
  const Item& first = set.items[0];
  EXPECT_EQ(first.kind, ItemKind::choice);
  ASSERT_EQ(first.trials.size(), 2u);
  EXPECT_EQ(first.trials[1].context, "Q: Two?\nA:");
  EXPECT_EQ(first.trials[1].continuation, " deux é");
  EXPECT_EQ(first.label, 1);
  EXPECT_EQ(first.lengths, (std::vector<std::int64_t>{3, 6}));  // characters, not bytes
  EXPECT_EQ(set.items[1].trials.size(), 3u);
}

TEST(Items, ExamplesComeBeforeAndAreNotAsked) {
  const ItemSet set = items_from_json_lines(questions, "q.jsonl", {.shots = 1});
  ASSERT_EQ(set.items.size(), 1u);
  EXPECT_EQ(set.items[0].trials[0].context, "Two? deux é\n\nThree?");
  EXPECT_EQ(items_from_json_lines(questions, "q.jsonl", {.limit = 1}).items.size(), 1u);
}

TEST(Items, AGapIsFilledAndWhatFollowsJudges) {
  const ItemSet set = items_from_json_lines(
      R"({"context": "The _ was too big .", "choices": ["egg", "oven"], "label": 0})", "w.jsonl",
      {.prompt = "Q: {context}"});
  const Item& item = set.items.at(0);
  EXPECT_EQ(item.kind, ItemKind::blank);
  EXPECT_EQ(item.trials[1].context, "The oven");
  EXPECT_EQ(item.trials[1].continuation, " was too big .");
  EXPECT_TRUE(item.lengths.empty());
}

TEST(Items, AFewUnderscoresMakeNoSetOfGaps) {
  const ItemSet set = items_from_json_lines(
      R"({"context": "A _ is", "choices": ["a", "b"], "label": 0}
{"context": "A ___ is", "choices": ["a", "b"], "label": 0})",
      "q.jsonl");
  for (const Item& item : set.items) EXPECT_EQ(item.kind, ItemKind::choice);
}

TEST(Items, OfATextTheLastWordIsAsked) {
  const ItemSet set = items_from_json_lines(R"({"text": "I said,  no \n"})", "l.jsonl");
  EXPECT_EQ(set.items.at(0).trials.at(0).context, "I said,");
  EXPECT_EQ(set.items[0].trials[0].continuation, " no");
}

TEST(Items, AnAnswerHasAReference) {
  const ItemSet set = items_from_json_lines(
      R"({"context": "Say it", "reference": "it"}
{"context": "again", "reference": "it"})",
      "a.jsonl", {.shots = 1});
  EXPECT_EQ(set.items.at(0).kind, ItemKind::answer);
  EXPECT_EQ(set.items[0].trials[0].context, "Say it it\n\nagain");
  EXPECT_EQ(set.items[0].trials[0].continuation, "it");
}

TEST(Items, RefusesWhatIsNoQuestionNamingTheLine) {
  const auto problem = [](const std::string& line) {
    return error_of([&] { items_from_json_lines("\n" + line, "bad.jsonl"); });
  };
  EXPECT_NE(problem("{").find("bad.jsonl: line 2"), std::string::npos);
  EXPECT_NE(problem("3").find("bad.jsonl: line 2"), std::string::npos);
  for (const char* line :
       {R"({"choices": ["a", "b"], "label": 0})", R"({"context": "c", "label": 0})",
        R"({"context": "c", "choices": ["a"], "label": 0})",
        R"({"context": "c", "choices": ["a", " "], "label": 0})",
        R"({"context": "c", "choices": ["a", "b"], "label": 2})",
        R"({"context": "c", "choices": ["a", "b"], "label": -1})",
        R"({"context": "c", "choices": ["a", "b"], "label": 0.5})",
        R"({"context": "c", "choices": ["a", "b"]})", R"({"text": "word "})", R"({"text": 3})"})
    EXPECT_NE(problem(line).find("line 2"), std::string::npos) << line << ": " << problem(line);
  EXPECT_NE(problem(std::string(R"({"text": "a b"})") + "\n" + questions).find("line 3: asks for"),
            std::string::npos);
}

TEST(Items, RefusesOptionsThatMakeNoSense) {
  const auto problem = [](const ItemOptions& options) {
    return error_of([&] { items_from_json_lines(questions, "q.jsonl", options); });
  };
  EXPECT_NE(problem({.prompt = "no slot"}).find("has no {context}"), std::string::npos);
  EXPECT_NE(problem({.shots = 2}).find("has 2 items, of which 2 are to be shown"),
            std::string::npos);
  EXPECT_NE(problem({.shots = -1}).find("negative"), std::string::npos);
  EXPECT_NE(problem({.limit = -1}).find("negative"), std::string::npos);
}

TEST(Items, SuitesPutTheirQuestions) {
  for (const Suite& suite : suites())
    for (const SuiteSet& set : suite.sets)
      EXPECT_NO_THROW(items_from_json_lines(
          std::string(questions) + std::string(30, '\n') + questions, "q.jsonl",
          {.prompt = std::string(set.prompt), .shots = std::min(set.shots, 3)}))
          << suite.name << " " << set.name;
}

}  // namespace
}  // namespace pliant::eval
