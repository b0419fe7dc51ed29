#include "search/training/training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "core/files.h"
#include "data/images/shapes.h"
#include "errors.h"
#include "machine/torch/one_thread.h"
#include "models/elasticvit/counts.h"
#include "models/elasticvit/golden.h"
#include "models/elasticvit/random.h"
#include "search/samplers/by_level.h"

namespace pliant::search {
namespace {

namespace fs = std::filesystem;
using elasticvit::Space;

const Space& space() {
  static const Space toy = [] {
    Space made = elasticvit::toy_space("toy_a");
    made.head.classes = 16;
    return made;
  }();
  return toy;
}

// Two levels in the lower half of the space, banks that fill at once.
LevelOptions levels() {
  const auto least = static_cast<double>(flops(space(), smallest(space())));
  LevelOptions options;
  options.levels = {{1.2 * least, 1.5 * least}, {1.5 * least, 2 * least}};
  options.smallest = {{INFINITY, smallest(space())}};
  options.random = 2;
  options.banks.emplace();
  options.banks->capacities = {3, 3};
  options.banks->exploit = 0.5;
  options.bins = 1 << 12;
  return options;
}

data::ImageBatchOptions batch_options() {
  data::ImageBatchOptions options;
  options.batch = 4;
  options.augment = {.side = 32, .least_area = 0.5};
  options.mix = {.mixup = 0.2, .cutmix = 0.2};
  return options;
}

// Everything of a run, new as after the process was started again.
struct Process {
  static aten::Group group() {
    aten::Group like;
    like.decay = 0.05;
    return like;
  }
  static TrainingOptions options(const std::string& recipe) {
    TrainingOptions options;
    options.steps = 8;
    options.schedule.warmup = 3;
    options.average = 0.9;
    options.save.every = 3;
    options.save.keep = 2;
    options.rescore_every = 4;
    options.recipe = recipe;
    return options;
  }

  explicit Process(const std::string& folder, const std::string& recipe = "one")
      : training(learner, sampler, batches, options(recipe), folder) {}

  data::Shapes shapes{{.count = 40, .side = 32}};
  data::ImageBatches batches{shapes, batch_options()};
  LevelSampler sampler{space(), levels()};
  SupernetLearner learner{space(), aten::one_thread(), elasticvit::initial_supernet(space(), 1),
                          group()};
  SupernetTraining training;
};

class SupernetRun : public testing::Test {
 protected:
  SupernetRun()
      : folder_(testing::TempDir() + "supernet_" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
  }
  ~SupernetRun() override { fs::remove_all(folder_); }
  std::string folder_;
};

TEST_F(SupernetRun, ThatWasKilledGoesOnBitByBit) {
  Process whole(folder_ + "/whole"), begun(folder_ + "/killed");
  for (int i = 0; i < 5; ++i) {  // killed after step 5; the checkpoint is of step 3
    whole.training.step();
    begun.training.step();
  }
  Process again(folder_ + "/killed");
  ASSERT_TRUE(again.training.resume());
  EXPECT_EQ(again.training.state().step, 3);
  again.training.step();
  again.training.step();
  while (!whole.training.finished()) {
    const TrainedStep wanted = whole.training.step(), got = again.training.step();
    EXPECT_EQ(got.losses, wanted.losses);
    EXPECT_EQ(got.gradient, wanted.gradient);
    EXPECT_EQ(got.rate, wanted.rate);
  }
  EXPECT_TRUE(again.training.finished());
  EXPECT_EQ(again.sampler.state(), whole.sampler.state());
  EXPECT_FALSE(whole.sampler.banks()[0].entries().empty() &&
               whole.sampler.banks()[1].entries().empty());
  const WeightStore a = again.learner.state(), b = whole.learner.state();
  a.for_each([&](const std::string& name, const Stored& stored) {
    EXPECT_TRUE(std::ranges::equal(stored.bytes, b.at(name).bytes)) << name;
  });
}

TEST_F(SupernetRun, PassesOverABrokenCheckpointAndRefusesAnothersOrNone) {
  Process first(folder_);
  EXPECT_FALSE(first.training.resume());
  first.training.save();  // of step 0
  first.training.step();
  first.training.save();
  EXPECT_EQ(error_of([&] { Process(folder_, "two").training.resume(); }),
            folder_ +
                "/step-00000001.safetensors: was written by another recipe: its text is "
                "another (go on with the recipe of its run, or train in another folder)");
  write_file(folder_ + "/step-00000001.safetensors", "broken");
  std::vector<std::string> broken;
  Process again(folder_);
  EXPECT_TRUE(again.training.resume(&broken));
  EXPECT_EQ(again.training.state().step, 0);
  EXPECT_EQ(broken.size(), 1U);
  write_file(folder_ + "/step-00000000.safetensors", "broken");
  EXPECT_EQ(thrown_by([&] { Process(folder_).training.resume(); }).kind(), ErrorKind::format);
}

}  // namespace
}  // namespace pliant::search
