// Pictures on the command line: the tiny models of golden/vlm.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "image/tiny_png.h"

namespace pliant::test {
namespace {

using nlohmann::json;

const std::string llava = PLIANT_SOURCE "/tests/golden/vlm/llava",
                  smolvlm = PLIANT_SOURCE "/tests/golden/vlm/smolvlm";

std::string picture() { return temporary("two pixels.png", png); }

std::string failed(const std::vector<std::string>& words) {
  const Outcome outcome = pliant(words);
  EXPECT_NE(outcome.code, 0);
  return outcome.err;
}

json made(std::vector<std::string> words) {
  for (const char* each : {"-n", "5", "--temperature", "0", "--ignore-end", "--json"})
    words.emplace_back(each);
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out.empty() ? "{}" : outcome.out);
}

TEST(Pictures, GenerateSeesThemWhereTheirMarkersAre) {
  const json marked = made({"generate", llava, "--image", picture(), "-p", "<image>\nwhat?"}),
             before = made({"generate", llava, "--image", picture(), "-p", "what?"});
  EXPECT_EQ(marked["token_ids"], before["token_ids"]);
  EXPECT_EQ(marked["images"][0]["tokens"], 16);
  EXPECT_EQ(marked["images"][0]["frames"], 1);
  EXPECT_EQ(marked["stats"]["prompt_tokens"], 16 + 6);
  const json frames =
      made({"generate", smolvlm, "--image", picture(), "--image", picture(), "-p", "what?"});
  EXPECT_EQ(frames["images"].size(), 2u);
  EXPECT_GT(frames["images"][1]["frames"], 1);
}

TEST(Pictures, PoliciesDropTheirTokensAndKeepingAllChangesNothing) {
  const auto kept = [](const char* keep) {
    return made({"generate", llava, "--image", picture(), "--image", picture(), "-p",
                 "what is in these two pictures?", "--cache", "elastic", "--keep", keep});
  };
  const json all = kept("1"), some = kept("0.4");
  EXPECT_EQ(all["token_ids"], made({"generate", llava, "--image", picture(), "--image", picture(),
                                    "-p", "what is in these two pictures?"})["token_ids"]);
  EXPECT_LT(some["stats"]["kept_tokens"], all["stats"]["kept_tokens"]);
  EXPECT_EQ(made({"generate", llava, "--image", picture(), "-p", "what?", "--cache", "h2o",
                  "--cache-bytes", "64KiB"})["token_ids"]
                .size(),
            5u);
}

TEST(Pictures, WrongOnesAreRefusedNamingThem) {
  EXPECT_NE(failed({"generate", llava, "--image", picture(), "-p", "<image> and <image>"})
                .find("has 2 image markers (<image>) for 1 image"),
            std::string::npos);
  EXPECT_NE(failed({"generate", llava, "-p", "<image> what?"})
                .find("has 1 image marker (<image>) for 0 images"),
            std::string::npos);
  EXPECT_NE(failed({"generate", llava, "--image", llava + "/config.json", "-p", "what?"})
                .find("config.json: is not a JPEG, PNG or WebP image"),
            std::string::npos);
  EXPECT_NE(
      failed({"generate", llava, "--image", temporary("cut.png", png.substr(0, 40)), "-p", "x"})
          .find("cut.png: cannot be decoded"),
      std::string::npos);
  EXPECT_NE(failed({"generate", PLIANT_SOURCE "/tests/golden/language/llama", "--image", picture(),
                    "--ids", "1,2"})
                .find("is a language model without an image encoder"),
            std::string::npos);
  EXPECT_NE(failed({"generate", llava, "--image", picture(), "-p", "x", "--memory-limit", "1KiB"})
                .find("the image encoder takes"),
            std::string::npos);
}

TEST(Pictures, ChatTakesThemBeforeAndBetweenMessages) {
  const std::string lines =
      temporary("lines.txt", "what is it?\n/image " + picture() + "\nand this?\n");
  const Outcome outcome = shell("'" PLIANT_BINARY "' chat " + smolvlm + " --image '" + picture() +
                                "' -n 3 --temperature 0 --ignore-end --json < " + lines);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json turns = json::parse(outcome.out)["turns"];
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_GT(turns[0]["stats"]["prompt_tokens"], 20);
  EXPECT_GT(turns[1]["stats"]["prompt_tokens"], 20);  // the second picture's
}

TEST(Pictures, EvalScoresQuestionsAgainstTheFullCache) {
  picture();
  const std::string set = temporary(
      "questions.jsonl",
      R"({"id": "a", "images": ["two pixels.png"], "question": "what is it?", "answer": "a cat"})"
      "\n"
      R"({"id": "b", "images": ["two pixels.png", "two pixels.png"], "question": "same?", "answer": "yes."})");
  const Outcome outcome = pliant({"eval", llava, set, "--cache", "elastic", "--keep", "0.4",
                                  "--answer-tokens", "6", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json score = json::parse(outcome.out)["sets"][0];
  EXPECT_EQ(score["n"], 2);
  EXPECT_GT(score["perplexity"], 1);
  EXPECT_TRUE(score.contains("rouge_l_full"));
  EXPECT_EQ(score["answers"][0]["id"], "a");
  EXPECT_LT(score["answers"][1]["kept_tokens"], score["answers"][1]["prompt_tokens"]);
  EXPECT_EQ(pliant({"eval", llava, set, "--limit", "1", "--answer-tokens", "2"}).code, 0);
  EXPECT_NE(failed({"eval", llava, set, "--shots", "1"}).find("--shots"), std::string::npos);
}

}  // namespace
}  // namespace pliant::test
