#include "core/pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "core/error.h"
#include "core/time/clock.h"

namespace pliant {
namespace {

TEST(Pool, RunsEachIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::atomic<int>> seen(97);
      pool.parallel(97, [&](std::int64_t i, int worker) {
        EXPECT_LT(worker, threads);
        ++seen[i];
      });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
  }
}

TEST(Pool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.parallel(10,
                             [](std::int64_t i, int) {
                               if (i == 4) throw std::runtime_error("four");
                             }),
               std::runtime_error);
  std::atomic<int> count{0};
  pool.parallel(10, [&](std::int64_t, int) { ++count; });
  EXPECT_EQ(count, 10);
}

TEST(Pool, ManyShortCallsMeetOnlyTheirOwnIndices) {
  ThreadPool pool(4);
  for (std::int64_t round = 0; round < 3000; ++round) {
    const std::int64_t count = 2 + round % 7;
    std::atomic<std::int64_t> sum{0};
    pool.parallel(count, [&, round](std::int64_t i, int) { sum += i + round; });
    ASSERT_EQ(sum, count * (count - 1) / 2 + count * round);
  }
}

TEST(Pool, WhatWorkersDoIsSeenWhenItIsWatched) {
  ThreadPool pool(3);
  const auto idle = [](std::int64_t, int) {};
  pool.parallel(8, idle);
  EXPECT_TRUE(pool.busy().empty());
  pool.watch(true);
  const double before = steady_seconds();
  pool.parallel(40, idle);
  pool.parallel(1, idle);
  std::int64_t tasks = 0;
  for (const Busy& each : pool.busy()) {
    tasks += each.tasks;
    EXPECT_EQ(each.tasks > 0, each.begin >= before) << each.begin;
    EXPECT_LE(each.begin, each.end);
    EXPECT_LE(each.end, steady_seconds());
  }
  EXPECT_EQ(tasks, 41);
  EXPECT_GT(pool.busy()[0].tasks, 0);
  pool.watch(false);
  EXPECT_TRUE(pool.busy().empty());
}

// A child that waits for ever for a lock that some worker held is ended by the alarm.
TEST(Pool, AProcessForkedRightAfterItWasMadeCanAllocate) {
  for (int round = 0; round < 100; ++round) {
    const ThreadPool pool(16);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      std::vector<std::vector<char>> held;
      for (std::size_t bytes = 1; bytes < 100'000; bytes += bytes / 8 + 1) held.emplace_back(bytes);
      _exit(held.size() > 10 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "round " << round << ": " << status;
  }
}

TEST(Pool, AThreadThatCannotBeStartedIsAnError) {
  pthread_attr_t old, huge;
  ASSERT_EQ(pthread_getattr_default_np(&old), 0);
  pthread_attr_init(&huge);
  pthread_attr_setstacksize(&huge, std::size_t{1} << 46);  // room for one such stack, if any
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  try {
    const ThreadPool pool(8);
    ADD_FAILURE() << "eight threads with 64 TiB each";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::capacity);
    EXPECT_EQ(error.place(), "--threads");
  }
  pthread_setattr_default_np(&old);
}

TEST(Pool, RefusesImpossibleThreadCounts) {
  EXPECT_THROW(ThreadPool(0), Error);
  EXPECT_THROW(ThreadPool(100000), Error);
}

}  // namespace
}  // namespace pliant
