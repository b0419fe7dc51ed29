// pliant plan --export and --export-tflm.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/two_ways.h"
#include "core/files.h"

namespace pliant::test {
namespace {

using nlohmann::json;

Outcome plan_two_ways(const std::vector<std::string>& more) {
  std::vector<std::string> words{"plan", temporary("two ways.json", two_ways)};
  words.insert(words.end(), more.begin(), more.end());
  return pliant(words);
}

TEST(Export, WritesAHeaderAndSaysWhatItTakes) {
  const std::string header = temporary("plan.h");
  const Outcome outcome = plan_two_ways({"--scratchpad", "25", "--export", header, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["header"], header);
  EXPECT_TRUE(answer.contains("spill_bytes"));
  const std::string text = read_file(header);
  for (const char* part : {"#ifndef TWO_WAYS_PLAN_H", "#define TWO_WAYS_SCRATCHPAD_BYTES 25u",
                           "two_ways_op_join = 3", "static inline int two_ways_run("})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  const Outcome people = plan_two_ways({"--scratchpad", "25", "--export", header});
  EXPECT_NE(people.out.find("header      written to " + header + "; spills take "),
            std::string::npos)
      << people.out;
}

TEST(Export, WritesTheBufferOfTflm) {
  const std::string buffer = temporary("offline.bin");
  const Outcome outcome = plan_two_ways({"--minimize", "peak", "--export-tflm", buffer, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["tflm"], buffer);
  EXPECT_EQ(json::parse(outcome.out)["tflm_arena_bytes"], 42);  // 16 + 16 + 10
  EXPECT_EQ(read_file(buffer).size(), 4 * (3 + 5u));
  const Outcome people = plan_two_ways({"--minimize", "peak", "--export-tflm", buffer});
  EXPECT_NE(people.out.find("; arena of 42 B"), std::string::npos) << people.out;
}

TEST(Export, WarnsWhenTflmWouldRunAnotherOrder) {
  // The second branch first: its result is the smaller one.
  const std::string file = temporary("order.json", R"({"tensors": [
    {"name": "x", "bytes": 64, "role": "input"}, {"name": "a", "bytes": 640, "role": "activation"},
    {"name": "b", "bytes": 64, "role": "activation"}, {"name": "c", "bytes": 640, "role": "activation"},
    {"name": "d", "bytes": 64, "role": "activation"}, {"name": "y", "bytes": 64, "role": "output"}],
   "operators": [
    {"name": "A", "inputs": ["x"], "outputs": ["a"]}, {"name": "C", "inputs": ["x"], "outputs": ["c"]},
    {"name": "B", "inputs": ["a"], "outputs": ["b"]}, {"name": "D", "inputs": ["c"], "outputs": ["d"]},
    {"name": "Y", "inputs": ["b", "d"], "outputs": ["y"]}]})");
  const Outcome outcome =
      pliant({"plan", file, "--minimize", "peak", "--export-tflm", temporary("o.bin")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("where the network's own order has 'A'"), std::string::npos)
      << outcome.err;
}

struct Refused {
  std::vector<std::string> words;
  int code;
  const char* error;
};

TEST(Export, RefusesWhatItCannotWrite) {
  const std::string header = temporary("refused.h"), buffer = temporary("refused.bin");
  for (const Refused& each : {
           Refused{{"--scratchpad", "25", "--export", buffer}, 2, "does not end in .h"},
           Refused{{"--scratchpad", "25", "--export", header, "--export-tflm", buffer},
                   1,
                   "bytes to and from off-chip memory, which TensorFlow Lite Micro's arena has no "
                   "way to say"},
           Refused{{"--scratchpad", "25", "--tiles", "2", "--export-tflm", buffer},
                   2,
                   "--export-tflm: does not go with --tiles"},
           Refused{{"--scratchpad", "30", "--export-tflm", buffer}, 1, "needs an arena of 42 B"},
       }) {
    const Outcome outcome = plan_two_ways(each.words);
    EXPECT_EQ(outcome.code, each.code) << outcome.err;
    EXPECT_NE(outcome.err.find(each.error), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(header));
    EXPECT_FALSE(std::filesystem::exists(buffer));
  }
  const Outcome placement = pliant({"plan", temporary("a.csv", "id,lower,upper,size\na,0,3,4\n"),
                                    "--scratchpad", "9", "--export", header});
  EXPECT_EQ(placement.code, 2);
  EXPECT_NE(placement.err.find("--export"), std::string::npos) << placement.err;
}

}  // namespace
}  // namespace pliant::test
