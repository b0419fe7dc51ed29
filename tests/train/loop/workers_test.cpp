#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "errors.h"
#include "machine/torch/workers/workers.h"
#include "train/loop/counting.h"

namespace pliant::train {
namespace {

// Runs `work` in a process of its own with these variables; its exit status.
template <typename Work>
pid_t begin_worker(int rank, int size, int port, Work&& work) {
  const pid_t child = fork();
  if (child != 0) return child;
  setenv("RANK", std::to_string(rank).c_str(), 1);
  setenv("WORLD_SIZE", std::to_string(size).c_str(), 1);
  setenv("MASTER_ADDR", "127.0.0.1", 1);
  setenv("MASTER_PORT", std::to_string(port).c_str(), 1);
  int status = 1;
  try {
    status = work();
  } catch (const Error& error) {
    status = error.kind() == ErrorKind::io ? 3 : 4;
  }
  _exit(status);
}

int ended(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int free_port() { return 20000 + getpid() % 20000; }

int train_together(const Recipe& recipe, const std::string& folder) {
  const auto workers = aten::Workers::from_environment();
  RunOptions options;
  options.workers = workers.get();
  train(recipe, folder, options);
  return 0;
}

TEST(Workers, TwoProcessesTrainAsOne) {
  const Recipe recipe = small();
  const std::string together = fresh_run("together"), alone = fresh_run("alone");
  const int port = free_port();
  const pid_t first = begin_worker(0, 2, port, [&] { return train_together(recipe, together); });
  const pid_t second = begin_worker(1, 2, port, [&] { return train_together(recipe, together); });
  EXPECT_EQ(ended(first), 0);
  EXPECT_EQ(ended(second), 0);
  const pid_t third = begin_worker(0, 1, port, [&] { return train_together(recipe, alone); });
  EXPECT_EQ(ended(third), 0);
  const std::vector<double> a = losses(together), b = losses(alone);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4) << i;
}

TEST(Workers, ALostOneEndsTheRunWithItsCheckpoints) {
  Recipe recipe = small();
  recipe.length.steps = 100000;
  const std::string folder = fresh_run("lost");
  const int port = free_port() + 1;
  const pid_t first = begin_worker(0, 2, port, [&] { return train_together(recipe, folder); });
  const pid_t second = begin_worker(1, 2, port, [&] {
    const auto workers = aten::Workers::from_environment();
    RunOptions options;
    options.workers = workers.get();
    const Checkpoints checkpoints(folder + "/checkpoints");
    std::atomic<bool> stop = false;
    options.stop = &stop;
    options.memory = [&] {  // called in every step
      if (checkpoints.steps().size() > 1) _exit(9);
      return 0.0;
    };
    train(recipe, folder, options);
    return 0;
  });
  EXPECT_EQ(ended(second), 9);
  EXPECT_EQ(ended(first), 3);  // Error{io}
  EXPECT_TRUE(Checkpoints(folder + "/checkpoints").newest());
}

TEST(Workers, VariablesThatMakeNoSenseAreNamed) {
  const auto said = [](const char* rank, const char* size) {
    setenv("WORLD_SIZE", size, 1);
    if (rank != nullptr) setenv("RANK", rank, 1);
    else unsetenv("RANK");
    const std::string text = error_of([] { aten::Workers::from_environment(); });
    unsetenv("WORLD_SIZE");
    unsetenv("RANK");
    return text;
  };
  EXPECT_NE(said(nullptr, "2").find("RANK: is not set"), std::string::npos);
  EXPECT_NE(said("2", "2").find("RANK: is '2', not a number from 0 to 1"), std::string::npos);
  EXPECT_NE(said("0", "two").find("WORLD_SIZE: is 'two'"), std::string::npos);
  EXPECT_EQ(aten::Workers::from_environment(), nullptr);
}

}  // namespace
}  // namespace pliant::train
