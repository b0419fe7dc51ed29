#include <gtest/gtest.h>

#include <set>

#include "errors.h"
#include "models/language/files/convert.h"
#include "open/language_model.h"
#include "train/loop/counting.h"

namespace pliant::train {
namespace {

// A model that learnt to count for so many steps, in a folder.
std::string counting_teacher(std::int64_t steps) {
  Recipe recipe = small();
  recipe.length.steps = steps;
  const std::string folder = testing::TempDir() + "distill-teacher";
  const Outcome outcome = train(recipe, fresh_run("teacher"));
  write_language_model(outcome.model, ModelFormat::hugging_face, folder);
  return folder;
}

TEST(Distilling, TeachesWithoutTheTextsNextTokens) {
  Recipe recipe = small();
  recipe.distill = {counting_teacher(120), 1, 1.5};
  recipe.optimizer.z_loss = 0;
  recipe.length.steps = 120;
  recipe.seed = 5;
  const Outcome outcome = train(recipe, fresh_run("student"));
  ASSERT_TRUE(outcome.validation);
  EXPECT_LT(outcome.validation->nll, 1);  // log(32) = 3.47
  const std::string run = testing::TempDir() + "run-student";
  const Journal log(run + "/log.jsonl", 1 << 20);
  EXPECT_GT(log.steps().front().divergence.value_or(0), 0.5);
  EXPECT_LT(log.steps().back().divergence.value_or(1), 0.2);
  EXPECT_NE(log.page("student").find("from the teacher"), std::string::npos);
}

std::set<std::string> names(const WeightStore& weights) {
  std::set<std::string> result;
  weights.for_each([&](const std::string& name, const Stored&) { result.insert(name); });
  return result;
}

TEST(Distilling, GoesOnBitByBitAndLeavesTheTeacherOutOfTheModel) {
  Recipe recipe = small();
  recipe.distill.teacher = counting_teacher(4);
  const std::string whole = fresh_run("distill-whole"), parts = fresh_run("distill-parts");
  const Outcome at_once = train(recipe, whole);
  std::atomic<bool> stop = false;
  RunOptions options;
  options.stop = &stop;
  options.told = [&](const StepRecord& record, std::optional<double>) { stop = record.step == 5; };
  train(recipe, parts, options);
  train(recipe, parts);
  EXPECT_EQ(losses(parts), losses(whole));
  EXPECT_EQ(names(*at_once.model.weights),
            names(*load_language_model(recipe.distill.teacher).weights));
  recipe.distill.weight = 0.25;
  EXPECT_NE(error_of([&] { train(recipe, parts); }).find("distill.weight: 0.5, 0.25"),
            std::string::npos);
}

TEST(Distilling, RefusesATeacherOfAnotherVocabulary) {
  Recipe recipe = small();
  recipe.distill.teacher = "golden/openelm/tiny_a";
  EXPECT_NE(error_of([&] {
              train(recipe, fresh_run("distill-other"));
            }).find("teacher: has 512 tokens, the model 32"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::train
