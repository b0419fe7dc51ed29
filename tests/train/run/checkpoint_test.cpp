#include "train/run/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/files.h"
#include "core/files/input_guard.h"
#include "errors.h"

namespace pliant::train {
namespace {

std::string fresh_folder(const std::string& name) {
  const std::string folder = testing::TempDir() + "checkpoints-" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

WeightStore tensors(double first) {
  WeightStore store;
  store.add("parameter.w", Tensor::of(DType::f32, {3}, {first, 2, 3}));
  store.add("first.w", Tensor::of(DType::f32, {3}, {9, 9, 9}));
  return store;
}

RunState at(std::int64_t step) {
  return {step, step * 100, 1.5, -1, -1, "{\"seed\":1}", "{\"a\":\"quoted \\\" text\"}"};
}

TEST(Checkpoints, ComeBackAsTheyWere) {
  const Checkpoints checkpoints(fresh_folder("back"));
  EXPECT_FALSE(checkpoints.newest());
  checkpoints.save(at(7), tensors(1), 5, 0);
  const Checkpoint got = checkpoints.load(7);
  EXPECT_EQ(got.state.tokens, 700);
  EXPECT_EQ(got.state.recipe, at(7).recipe);
  EXPECT_EQ(get(decode(got.tensors.at("parameter.w")).view(), 0), 1);
  EXPECT_EQ(got.tensors.size(), 2u);
  EXPECT_EQ(checkpoints.state(7).seconds, 1.5);
}

TEST(Checkpoints, KeepTheNewestAndMilestones) {
  const Checkpoints checkpoints(fresh_folder("keep"));
  for (std::int64_t step = 10; step <= 60; step += 10)
    checkpoints.save(at(step), tensors(1), 2, 30);
  EXPECT_EQ(checkpoints.steps(), (std::vector<std::int64_t>{30, 40, 50, 60}));
}

TEST(Checkpoints, BrokenOnesAreNamedAndPassedOver) {
  const Checkpoints checkpoints(fresh_folder("broken"));
  checkpoints.save(at(1), tensors(1), 5, 0);
  checkpoints.save(at(2), tensors(2), 5, 0);
  std::string bytes = read_file(checkpoints.path(2));
  bytes[bytes.find(std::string("\0\0\x10\x41", 4))] ^= 1;  // in a 9
  write_file(checkpoints.path(2), bytes);
  write_file(checkpoints.path(3), "no checkpoint");
  std::ofstream(checkpoints.path(1).substr(0, checkpoints.path(1).rfind('/')) +
                "/step-x.safetensors");
  const InputGuard guard;  // as in a command
  std::vector<std::string> broken;
  const auto newest = checkpoints.newest(&broken);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->state.step, 1);
  ASSERT_EQ(broken.size(), 2u);
  EXPECT_NE(broken[1].find("not those that were written"), std::string::npos) << broken[1];
  checkpoints.save(at(2), tensors(2), 5, 0);  // in the place of one that was read
  EXPECT_EQ(checkpoints.load(2).state.step, 2);
}

TEST(Checkpoints, AverageInF64) {
  const Checkpoints checkpoints(fresh_folder("average"));
  EXPECT_EQ(thrown_by([&] { checkpoints.average(5); }).kind(), ErrorKind::not_found);
  for (std::int64_t step = 1; step <= 4; ++step)
    checkpoints.save(at(step), tensors(static_cast<double>(step)), 9, 0);
  const WeightStore mean = checkpoints.average(3);
  EXPECT_EQ(mean.size(), 1u);
  EXPECT_EQ(get(decode(mean.at("w")).view(), 0), 3);
}

}  // namespace
}  // namespace pliant::train
