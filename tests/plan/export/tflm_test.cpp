// The buffer for TensorFlow Lite Micro, read back by a reader of this file alone.
#include "plan/export/tflm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

// What TFLM's allocator does with the buffer: the third word counts the offsets that follow.
std::vector<std::int64_t> read(const std::string& buffer) {
  std::vector<std::int64_t> words;
  for (std::size_t at = 0; at + 4 <= buffer.size(); at += 4) {
    std::uint32_t word = 0;
    for (std::size_t i = 4; i-- > 0;) word = word << 8 | static_cast<unsigned char>(buffer[at + i]);
    words.push_back(word == 0xffffffff ? -1 : static_cast<std::int64_t>(word));
  }
  EXPECT_EQ(buffer.size() % 4, 0u);
  EXPECT_GE(words.size(), 3u);
  EXPECT_EQ(words[0], 1);
  EXPECT_EQ(words[1], 0);
  EXPECT_EQ(words[2], static_cast<std::int64_t>(words.size()) - 3);
  return {words.begin() + 3, words.end()};
}

// Runs the order through the arena: each tensor's bytes carry its number, from when TFLM (or the
// producer) writes them.
void replay(const Problem& problem, const std::vector<OperatorId>& order,
            const std::vector<std::int64_t>& offsets, std::int64_t arena) {
  std::vector<std::int64_t> bytes(static_cast<std::size_t>(arena), -1);
  const auto write = [&](std::size_t t) {
    ASSERT_GE(offsets[t], 0);
    ASSERT_EQ(offsets[t] % 16, 0);
    ASSERT_LE(offsets[t] + problem.tensors[t].bytes, arena);
    std::fill_n(bytes.begin() + offsets[t], problem.tensors[t].bytes, static_cast<std::int64_t>(t));
  };
  const auto holds = [&](std::size_t t) {
    const auto begin = bytes.begin() + offsets[t];
    return std::count(begin, begin + problem.tensors[t].bytes, static_cast<std::int64_t>(t)) ==
           problem.tensors[t].bytes;
  };
  for (std::size_t t = 0; t < offsets.size(); ++t)
    if (problem.tensors[t].role == Role::input) write(t);
  for (const OperatorId op : order) {
    const Operator& each = problem.operators[op];
    for (const TensorId t : each.outputs) write(static_cast<std::size_t>(t));
    // inputs after the outputs: kernels read while they write
    for (const auto* list : {&each.inputs, &each.outputs})
      for (const TensorId t : *list) {
        const auto tensor = static_cast<std::size_t>(t);
        const bool weight = problem.tensors[tensor].role == Role::weight;
        EXPECT_TRUE(weight ? offsets[tensor] == -1 : holds(tensor))
            << problem.tensors[tensor].name << " at " << each.name;
      }
  }
  for (std::size_t t = 0; t < offsets.size(); ++t)
    EXPECT_TRUE(problem.tensors[t].role != Role::output || holds(t)) << problem.tensors[t].name;
}

TEST(Tflm, OffsetsNeverOverlapWhileTheyAreNeeded) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 92);
    const Problem problem = random_problem(rng, {2, 14, 100});
    const Plan plan = least_memory(problem, {}, pool).plan;
    const TflmPlan answer = plan_for_tflm(problem, plan);
    const std::vector<std::int64_t> offsets = read(tflm_buffer(answer));
    ASSERT_EQ(offsets.size(), problem.tensors.size());
    ASSERT_NO_FATAL_FAILURE(replay(problem, plan.order, offsets, answer.arena_bytes));
  }
}

TEST(Tflm, InputsAndOutputsLiveForTheWholeRun) {
  // In the scratchpad y1 may take x2's place; TFLM has read both inputs and keeps both outputs.
  const Problem problem{{{"x1", 16, Role::input},
                         {"x2", 16, Role::input},
                         {"y1", 16, Role::output},
                         {"y2", 16, Role::output}},
                        {{"f", {0}, {2}}, {"g", {1}, {3}}}};
  ThreadPool pool(1);
  const Plan plan = least_memory(problem, {}, pool).plan;
  EXPECT_EQ(plan.scratchpad_bytes, 32);
  EXPECT_EQ(plan_for_tflm(problem, plan).arena_bytes, 48);
}

TEST(Tflm, TheBufferIsTheDocumentedOne) {
  const std::string buffer = tflm_buffer({{0, -1, 0x01020304}, 0});
  EXPECT_EQ(buffer, std::string("\1\0\0\0"
                                "\0\0\0\0"
                                "\3\0\0\0"
                                "\0\0\0\0"
                                "\xff\xff\xff\xff"
                                "\4\3\2\1",
                                24));
}

TEST(Tflm, RefusesTrafficAndWhatDoesNotFit31Bits) {
  Problem problem{{{"x", 16, Role::input}, {"y", 16, Role::output}}, {{"f", {0}, {1}}}};
  Plan plan;
  plan.order = {0};
  EXPECT_NO_THROW(plan_for_tflm(problem, plan));
  plan.traffic_bytes = 1;
  try {
    plan_for_tflm(problem, plan);
    ADD_FAILURE() << "a plan with traffic";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_NE(std::string(error.what()).find("moves 1 bytes"), std::string::npos) << error.what();
  }
  plan.traffic_bytes = 0;
  problem.operators[0].adjacent = {{0, 1}};
  EXPECT_THROW(plan_for_tflm(problem, plan), Error);
  problem.operators[0].adjacent = {};
  problem.tensors[0].bytes = std::int64_t{1} << 31;
  EXPECT_THROW(plan_for_tflm(problem, plan), Error);
  plan.order = {};
  EXPECT_THROW(plan_for_tflm(problem, plan), Error);
}

}  // namespace
}  // namespace pliant::plan
