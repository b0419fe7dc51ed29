// Questions about pictures: their files, and what the tiny models of golden/vlm score.
#include "eval/pictures.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "core/files.h"
#include "errors.h"
#include "machine/native/kv/policies/compression.h"
#include "models/vlm/golden.h"
#include "open/language/open_language.h"

namespace pliant::eval {
namespace {

constexpr const char* two_lines =
    R"({"id": "a", "images": ["x.png"], "question": "what?", "answer": "it"})"
    "\n\n"
    R"({"id": 7, "images": [], "question": "and?", "answer": "no"})";

TEST(PictureItems, AreReadFromJsonLines) {
  EXPECT_TRUE(asks_about_pictures(two_lines));
  EXPECT_FALSE(asks_about_pictures(R"({"text": "a b"})"));
  EXPECT_FALSE(asks_about_pictures(""));
  EXPECT_FALSE(asks_about_pictures("{broken"));
  const auto items = picture_items(two_lines, "sets/q.jsonl", 0);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].images, std::vector<std::string>{"sets/x.png"});
  EXPECT_EQ(items[1].id, "7");
  EXPECT_EQ(picture_items(two_lines, "q.jsonl", 1).size(), 1u);
}

TEST(PictureItems, BrokenLinesAreNamed) {
  const auto said = [](const std::string& text) {
    return error_of([&] { picture_items(text, "q.jsonl", 0); });
  };
  EXPECT_NE(said("\n{\"id\": 1}").find("q.jsonl, line 2"), std::string::npos);
  EXPECT_NE(said(R"({"id": "a", "images": "x", "question": "q", "answer": "a"})").find("images"),
            std::string::npos);
  EXPECT_NE(said(R"({"id": "a", "images": [], "question": "q", "answer": " . "})").find("answer"),
            std::string::npos);
  EXPECT_NE(said("").find("has no questions"), std::string::npos);
}

// Two pixels.
const std::string webp{
    "RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\x01\0\0\0\x0f\x10\xf3\xbf\xff\xf3\x1f\x0e\x32\xa2\xff\x01"
    "\0",
    38};

struct PictureExam {
  ThreadPool pool{1};
  OpenedLanguage model;
  ChatTemplate words;
  PictureItem item;

  explicit PictureExam(const std::string& name)
      : model(open_language("golden/vlm/" + name, {.context = 250, .sequences = 2}, pool)),
        words(lm::chat_template_of(*model.tokenizer, "", name)) {
    const std::string path = testing::TempDir() + "pliant_two_pixels.webp";
    write_file(path, webp);
    item = {"a", {path}, "what is it?", "a cat."};
  }
  PictureAnswer asked(const kv::Policy& policy, bool whole) {
    ScoreOptions how;
    how.answer_tokens = 6;
    return PictureJudge({*model.session, *model.images, *model.tokenizer, &words}, policy,
                        whole ? model.session.get() : nullptr, how)
        .ask(item);
  }
};

TEST(PictureJudge, TheFullCacheAgreesWithItself) {
  for (const char* name : vlm::golden_cases) {
    PictureExam exam(name);
    const PictureAnswer full = exam.asked(kv::full(), true);
    const bool has_words = std::ranges::any_of(full.text, [](char c) { return std::isalnum(c); });
    EXPECT_EQ(full.rouge_full, has_words ? 1 : 0);
    EXPECT_EQ(full.tokens, 7);  // a blank and " a cat." a letter each
    EXPECT_GT(full.nll, 0);
    EXPECT_FALSE(full.exact);
    const PictureAnswer all = exam.asked(kv::elastic(1), true);
    EXPECT_EQ(all.text, full.text);
    EXPECT_NEAR(all.nll, full.nll, 1e-4);
    // its own words, with other blanks and a full stop, are an exact answer
    exam.item.answer = " " + full.text + ".";
    if (full.text.find_first_not_of(" \n.") != std::string::npos) {
      EXPECT_TRUE(exam.asked(kv::full(), false).exact) << full.text;
    }
    exam.item.answer = "a cat.";
    const PictureAnswer some = exam.asked(kv::elastic(0.3), true);
    EXPECT_LT(some.kept, 0.9 * static_cast<double>(some.prompt));
    EXPECT_TRUE(some.rouge_full.has_value());
    EXPECT_EQ(exam.model.session->sequences().size(), 0u);
  }
}

TEST(PictureJudge, NamesTheQuestionThatFails) {
  PictureExam exam("llava");
  exam.item.images = {"nowhere.png"};
  EXPECT_NE(error_of([&] { exam.asked(kv::full(), false); }).find("question a: nowhere.png"),
            std::string::npos);
}

TEST(PictureScore, SumsUpItsAnswers) {
  PictureScore score{"set", {}};
  EXPECT_TRUE(std::isnan(score.perplexity()));
  score.answers = {{.id = "a", .exact = true, .rouge_l = 1, .nll = 2, .tokens = 2},
                   {.id = "b", .rouge_l = 0.5, .nll = 4, .tokens = 1}};
  EXPECT_DOUBLE_EQ(score.perplexity(), std::exp(2));
  EXPECT_DOUBLE_EQ(score.exact().mean, 0.5);
  EXPECT_DOUBLE_EQ(score.rouge_l().mean, 0.75);
  EXPECT_FALSE(score.rouge_full());
}

}  // namespace
}  // namespace pliant::eval
