#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "errors.h"
#include "models/language/weights.h"
#include "train/groups.h"
#include "train/loop/counting.h"

namespace pliant::train {
namespace {

bool same(const WeightStore& a, const WeightStore& b) {
  bool equal = a.size() == b.size();
  a.for_each([&](const std::string& name, const Stored& stored) {
    const Stored* other = b.find(name);
    equal = equal && other != nullptr && std::ranges::equal(stored.bytes, other->bytes);
  });
  return equal;
}

TEST(Training, LearnsToCount) {
  Recipe recipe = small();
  recipe.length.steps = 120;
  recipe.save.every = 50;
  const Outcome outcome = train(recipe, fresh_run("count"));
  EXPECT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.step, 120);
  ASSERT_TRUE(outcome.validation);
  EXPECT_GT(losses(testing::TempDir() + "run-count").front(), 3);  // log(32) = 3.47
  EXPECT_LT(outcome.validation->nll, 1);
  // two bytes to a token
  EXPECT_NEAR(outcome.validation->bits_per_byte, outcome.validation->nll / std::log(2.0) / 2, 1e-9);
}

TEST(Training, GoesOnBitByBitAfterAnEnd) {
  for (const OptimizerKind kind : {OptimizerKind::adamw, OptimizerKind::muon}) {
    Recipe recipe = small();
    recipe.optimizer.kind = kind;
    recipe.optimizer.average = 0.9;
    const std::string whole = fresh_run("whole"), parts = fresh_run("parts");
    const Outcome at_once = train(recipe, whole);
    std::atomic<bool> stop = false;
    RunOptions options;
    options.stop = &stop;
    options.told = [&](const StepRecord& record, std::optional<double>) {
      stop = record.step == 5;  // not where checkpoints are due
    };
    const Outcome ended = train(recipe, parts, options);
    EXPECT_FALSE(ended.finished);
    EXPECT_FALSE(ended.validation);                                        // nobody waits for that
    std::filesystem::remove(Checkpoints(parts + "/checkpoints").path(5));  // as if it was killed
    const Outcome continued = train(recipe, parts);
    EXPECT_EQ(losses(parts), losses(whole));
    EXPECT_TRUE(same(*continued.model.weights, *at_once.model.weights));
    EXPECT_EQ(continued.chosen, at_once.chosen);
    EXPECT_TRUE(same(Checkpoints(parts + "/checkpoints").load(12).tensors,
                     Checkpoints(whole + "/checkpoints").load(12).tensors));
  }
}

TEST(Training, PassesOfAnySizeSumToOneStep) {
  Recipe recipe = small();
  recipe.length.steps = 3;
  const std::string whole = fresh_run("one-pass"), parts = fresh_run("four-passes");
  train(recipe, whole);
  recipe.batch.at_once = 1;
  train(recipe, parts);
  const std::vector<double> a = losses(whole), b = losses(parts);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-5) << i;
}

TEST(Training, ALossThatIsNotFiniteLeavesTheLastCheckpoint) {
  Recipe recipe = small();
  recipe.optimizer.rate = 9;
  recipe.optimizer.clip = 0;
  recipe.optimizer.decay = 10;  // weights are multiplied by -89 a step
  recipe.length.steps = 100;
  recipe.save.every = 1;
  const std::string folder = fresh_run("nan");
  const Error error = thrown_by([&] { train(recipe, folder); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(std::string(error.what()).find("its batch begins at {"), std::string::npos)
      << error.what();
  const Checkpoint last = *Checkpoints(folder + "/checkpoints").newest();
  EXPECT_EQ(error.place(), "step " + std::to_string(last.state.step + 1));
  EXPECT_EQ(std::ssize(losses(folder)), last.state.step);
}

TEST(Training, RefusesToGoOnWithAnotherRecipe) {
  Recipe recipe = small();
  const std::string folder = fresh_run("other");
  train(recipe, folder);
  recipe.length.steps = 14;  // longer is no difference
  EXPECT_EQ(train(recipe, folder).step, 14);
  recipe.optimizer.beta2 = 0.99;
  EXPECT_NE(error_of([&] { train(recipe, folder); }).find("optimizer.beta2: 0.95, 0.99"),
            std::string::npos);
}

TEST(Training, TheLogMayCountRowsWithoutTargetsAsCoreNetDoes) {
  Recipe recipe = small();
  recipe.length.steps = 2;
  recipe.data.cut_and_drop = true;  // short documents are padded
  recipe.optimizer.z_loss = 0.01;
  const std::string ours = fresh_run("log"), corenets = fresh_run("log-corenet");
  train(recipe, ours);
  recipe.log.corenet_z_loss = true;
  train(recipe, corenets);
  const Journal a(ours + "/log.jsonl", 2), b(corenets + "/log.jsonl", 2);
  std::int64_t before = 0;
  EXPECT_LT(a.steps()[1].tokens, 2 * 128);  // 4 sequences of 32
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(a.steps()[i].nll, b.steps()[i].nll);
    EXPECT_EQ(a.steps()[i].gradient, b.steps()[i].gradient);
    const auto valid = static_cast<double>(a.steps()[i].tokens - before);
    before = a.steps()[i].tokens;
    EXPECT_NEAR(b.steps()[i].loss - a.steps()[i].loss,
                0.01 * std::pow(std::log(vocabulary), 2) * (128 - valid) / valid, 1e-12);
  }
}

TEST(Training, TellsTheShareOfTheMeasuredPeak) {
  Recipe recipe = small();
  recipe.length.steps = 2;
  RunOptions options;
  options.measure_peak = true;
  const std::string run = fresh_run("peak");
  train(recipe, run, options);
  const Journal log(run + "/log.jsonl", 2);
  for (const StepRecord& each : log.steps()) {
    ASSERT_TRUE(each.peak_share);
    EXPECT_GT(*each.peak_share, 0);
    EXPECT_NEAR(each.flops / *each.peak_share, log.steps()[0].flops / *log.steps()[0].peak_share,
                1e-6 * each.flops / *each.peak_share);
  }
}

TEST(Training, EndsInTimeWithAFallenRate) {
  Recipe recipe = small();
  recipe.schedule.kind = ScheduleKind::wsd;
  recipe.length = {0, 0, 1.0};
  const std::string folder = fresh_run("time");
  const Outcome outcome = train(recipe, folder);
  EXPECT_TRUE(outcome.finished);
  const Journal journal(folder + "/log.jsonl", 1 << 20);
  EXPECT_LT(journal.steps().back().rate, 0.5 * recipe.optimizer.rate);
  EXPECT_GT(outcome.seconds, 0.7);
}

TEST(Training, ForecastsWithoutLeavingAnything) {
  const std::string folder = fresh_run("forecast");
  RunOptions options;
  options.folder = folder;
  options.threads = 1;
  const Forecast forecast_ = forecast(small(), options);
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_EQ(forecast_.steps, 12);
  EXPECT_EQ(forecast_.tokens, 12 * 4 * 32);
  EXPECT_GT(forecast_.step_seconds, 0);
  // parameters and two moments
  EXPECT_NEAR(static_cast<double>(forecast_.checkpoint_bytes),
              12.0 * static_cast<double>(forecast_.parameters), 100);
}

TEST(Groups, MuonTakesTheMatricesOfTheLayersHeadByHead) {
  LanguageConfig config = config_of(small().model, vocabulary, 32);
  OptimizerRecipe recipe;
  recipe.kind = OptimizerKind::muon;
  std::int64_t elements_ = 0;
  for (const aten::Group& group : groups_of(config, recipe))
    for (const aten::Parameter& each : group.parameters) {
      const bool norm = each.name.find("norm") != std::string::npos;
      const bool layers = each.name.starts_with("layers.");
      EXPECT_EQ(group.rule == aten::Rule::muon, layers && !norm) << each.name;
      EXPECT_EQ(group.decay > 0, !norm) << each.name;
      if (each.name == "layers.1.attention.qkv.weight") {
        const LayerConfig& layer = config.layers[1];
        EXPECT_EQ(std::ssize(each.blocks), layer.heads + layer.kv_heads + 1);
        EXPECT_EQ(each.blocks.front(), config.head_width);
      }
      ++elements_;
    }
  EXPECT_EQ(elements_, std::ssize(weight_table(config)));
}

}  // namespace
}  // namespace pliant::train
