// What ends the integer program early: time, a stop flag, memory; and the process it runs in.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "core/error.h"
#include "plan/ilp/apart.h"
#include "plan/ilp/ilp.h"
#include "plan/random_problem.h"

namespace pliant::plan {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Problem large() {
  Rng rng(1, 81);
  return random_problem(rng, {40, 40, 8});
}

void sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

TEST(IlpLimits, StopEndsTheProgramWithThePlanItHas) {
  const Problem problem = large();
  std::atomic<bool> stop = false;
  IlpOptions options;
  options.limits.stop = &stop;
  std::thread thread([&] { sleep(0.3), stop = true; });
  IlpAnswer answer;
  EXPECT_LT(seconds_of([&] { answer = solve_by_ilp(problem, most_required(problem), options); }),
            20);
  thread.join();
  // on a slow machine nothing has been found by then
  if (answer.plan.status != Status::undecided) {
    EXPECT_EQ(answer.plan.status, Status::feasible);
    EXPECT_EQ(answer.plan.order.size(), 40u);
  }
}

TEST(IlpLimits, TimeEndsTheProgramWhateverItDoes) {
  const Problem problem = large();
  IlpOptions options;
  options.limits.seconds = 0.5;
  IlpAnswer answer;
  EXPECT_LT(seconds_of([&] { answer = solve_by_ilp(problem, most_required(problem), options); }),
            20);
  EXPECT_TRUE(answer.plan.status == Status::feasible || answer.plan.status == Status::undecided);
}

// CBC calls a program infeasible when its time ends before the first relaxation does.
TEST(IlpLimits, AnEarlyEndIsNoProof) {
  const Problem problem = large();
  for (const double seconds : {0.01, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8}) {
    IlpOptions options;
    options.limits.seconds = seconds;
    const Status status = solve_by_ilp(problem, most_required(problem), options).plan.status;
    EXPECT_TRUE(status == Status::feasible || status == Status::undecided)
        << seconds << " s: " << name(status);
  }
}

TEST(IlpLimits, MemoryEndsTheProgram) {
  const Problem problem = large();
  IlpOptions options;
  options.limits.memory_bytes = 1 << 20;
  options.limits.seconds = 60;
  IlpAnswer answer;
  EXPECT_LT(seconds_of([&] { answer = solve_by_ilp(problem, most_required(problem), options); }),
            20);
  EXPECT_NE(answer.plan.status, Status::optimal);
}

std::vector<std::string> received(
    const std::function<void(const Send&, const std::atomic<bool>&)>& work, const Limits& limits,
    bool ends) {
  std::vector<std::string> messages;
  EXPECT_EQ(
      run_apart(work, limits, [&](std::string_view message) { messages.emplace_back(message); }),
      ends);
  return messages;
}

TEST(RunApart, CarriesMessagesOfAnySize) {
  const std::string large(3 << 20, 'x');
  const auto messages = received(
      [&](const Send& send, const std::atomic<bool>&) { send("a"), send(""), send(large); }, {},
      true);
  EXPECT_EQ(messages, (std::vector<std::string>{"a", "", large}));
}

TEST(RunApart, TellsTheWorkThatItsTimeIsOver) {
  const auto work = [](const Send& send, const std::atomic<bool>& over) {
    while (!over) sleep(0.01);
    send("stopped");
  };
  EXPECT_EQ(received(work, {.seconds = 0.1}, true), std::vector<std::string>{"stopped"});
}

TEST(RunApart, KillsWorkThatDoesNotListen) {
  const auto work = [](const Send& send, const std::atomic<bool>&) {
    send("begun");
    for (;;) sleep(1);
  };
  EXPECT_LT(seconds_of([&] {
              EXPECT_EQ(received(work, {.seconds = 0.1}, false), std::vector<std::string>{"begun"});
            }),
            20);
}

TEST(RunApart, KillsWorkThatTakesTooMuchMemory) {
  const auto work = [](const Send&, const std::atomic<bool>&) {
    std::vector<std::string> taken;
    for (;;) taken.emplace_back(1 << 20, 'x'), sleep(0.001);
  };
  EXPECT_LT(seconds_of([&] { received(work, {.memory_bytes = 64 << 20}, false); }), 20);
}

TEST(RunApart, AnExceptionEndsTheWork) {
  const auto work = [](const Send& send, const std::atomic<bool>&) {
    send("a");
    throw Error(ErrorKind::invalid, "there", "fails");
  };
  EXPECT_EQ(received(work, {}, false), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace pliant::plan
