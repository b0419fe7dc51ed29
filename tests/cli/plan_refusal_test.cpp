// What pliant plan refuses, and what ends it before the optimum: limits and Ctrl-C.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/two_ways.h"
#include "core/files.h"

namespace pliant::test {
namespace {

using nlohmann::json;

struct BadCall {
  std::vector<std::string> words;
  int code;
  std::string error;
};

TEST(Plan, RefusesBadInputNamingThePlace) {
  const std::string net = two_ways_file(), instance = temporary("a.csv", three_buffers),
                    gone = temporary("gone.json");
  const std::string cut = temporary("cut.json", std::string(two_ways).substr(0, 200));
  const std::string cycle =
      temporary("cycle.json", R"({"tensors": [{"name": "a", "bytes": 1, "role": "activation"},
    {"name": "b", "bytes": 1, "role": "output"}], "operators": [{"name": "f", "inputs": ["b"], "outputs": ["a"]},
    {"name": "g", "inputs": ["a"], "outputs": ["b"]}]})");
  const std::string text = temporary("text.txt", "hello"), empty = temporary("empty", "");
  const std::string plan_file = temporary("some-plan.json", R"({"residencies": []})");
  const std::string device = temporary("bad-device.json", R"({"scratchpad_bytes": 0})");
  const std::string figures = R"("bandwidth_bytes_per_s": 1, "operations_per_s": 1)";
  const std::string small = temporary("small.json", R"({"scratchpad_bytes": 16, )" + figures + "}");
  const std::string odd =
      temporary("odd.json", R"({"scratchpad_bytes": 16, "foo": 1, )" + figures + "}");
  const std::vector<BadCall> calls{
      {{"plan"}, 2, "FILE: is missing"},
      {{"plan", net}, 2, "--scratchpad: is missing\n  try: "},
      {{"plan", net, "--scratchpad", "lots"},
       2,
       "--scratchpad: 'lots' is not a size in whole bytes\n  try: "},
      {{"plan", net, "--scratchpad", "-5"}, 2, ""},
      {{"plan", net, "--scratchpad", "mr"},
       2,
       "--scratchpad: 'mr' is not a size\n  try: did you mean 'MR'?"},
      {{"plan", net, "--scratchpad", "MR", "--device", small},
       2,
       "--scratchpad: 25 B, but the device of --device has 16 B\n  try: this network needs a "
       "larger device"},
      {{"plan", net, "--device", odd},
       1,
       odd + ": unknown field 'foo'\n  try: known: name, scratchpad_bytes, "},
      {{"plan", net, "--scratchpd", "5"},
       2,
       "--scratchpd: unknown option\n  try: did you mean '--scratchpad'?"},
      {{"plan", net, "--scratchpad", "1", "--scratchpad", "2"}, 2, "--scratchpad: given 2 times"},
      {{"plan", net, "--scratchpad", "25", "--elem-bytes", "1"},
       2,
       "--elem-bytes: says nothing about a planner's problem"},
      {{"plan", net, "--scratchpad", "25", "--weights"}, 2, "--weights: says nothing"},
      {{"plan", net, "--scratchpad", "25", "--shape", "x=1x2"}, 2, "--shape: says nothing"},
      {{"plan", net, "--scratchpad", "25", "--in-place"},
       2,
       "--in-place: says nothing about a planner's problem"},
      {{"plan", instance, "--scratchpad", "8", "--in-place"},
       2,
       "--in-place: says nothing about a placement instance"},
      {{"plan", net, "--scratchpad", "25", "--zero-copy-concat"},
       2,
       "--zero-copy-concat: says nothing about a planner"},
      {{"plan", instance, "--scratchpad", "8", "--zero-copy-concat"},
       2,
       "--zero-copy-concat: says nothing about a place"},
      {{"plan", net, "--scratchpad", "25", "--tiles", "4"},
       2,
       "--tiles: says nothing about a planner's problem"},
      {{"plan", instance, "--scratchpad", "8", "--tiles", "4"},
       2,
       "--tiles: says nothing about a placement instance"},
      {{"plan", "zoo:resnet50", "-s", "MR", "--tiles", "1"}, 2, "--tiles: 1 is not from 2 to 64"},
      {{"plan", "zoo:resnet50", "-s", "MR", "--tiles", "2", "--no-fuse"},
       2,
       "--tiles: does not go with --no-fuse"},
      {{"plan", "zoo:transformer", "-s", "MR", "--tiles", "2"},
       1,
       "--tiles: no operator of the network works row"},
      {{"plan", net, "--scratchpad", "25", "--alignment", "-1"}, 2, "--alignment: -1 is not from"},
      {{"plan", net, "--scratchpad", "25", "--time-limit", "soon"},
       2,
       "--time-limit: 'soon' is not a duration"},
      {{"plan", net, "--scratchpad", "25", "--device", gone},
       1,
       gone + ": cannot open: No such file"},
      {{"plan", net, "--device", device}, 1, device + ": scratchpad_bytes: 0 is out of range"},
      {{"plan", gone, "--scratchpad", "25"}, 1, gone + ": cannot open: No such file"},
      {{"plan", temporary(""), "--scratchpad", "25"}, 1, temporary("") + ": is a language model"},
      {{"plan", cut, "--scratchpad", "25"}, 1, cut},
      {{"plan", cycle, "--scratchpad", "25"}, 1, cycle},
      {{"plan", text, "--scratchpad", "25"}, 1, text + ": is a file of no known kind"},
      {{"plan", empty, "--scratchpad", "25"}, 1, empty + ": is a file of no known kind"},
      {{"plan", plan_file, "--scratchpad", "25"}, 1, plan_file + ": is a plan, not a network"},
      {{"plan", net, "--scratchpad", "25", "--out", "/no/such/plan.json"},
       1,
       "/no/such/plan.json: cannot write"},
      {{"plan", net, "--scratchpad", "25", "--read-cost", "-1"},
       2,
       "--read-cost: -1 is not from 0 to 1000000"},
      {{"plan", net, "--scratchpad", "25", "--write-cost", "1000001"},
       2,
       "--write-cost: 1000001 is not from"},
      {{"plan", net, "--scratchpad", "25", "--read-cost", "0", "--write-cost", "0"},
       2,
       "--read-cost: is 0 and so is"},
      {{"plan", net, "--minimize", "peak", "--read-cost", "2"},
       2,
       "--read-cost: does not go with --minimize peak"},
      {{"plan", net, "--minimize", "peak", "--write-cost", "2"},
       2,
       "--write-cost: does not go with --minimize peak"},
      {{"plan", instance, "--scratchpad", "8", "--read-cost", "2"},
       2,
       "--read-cost: says nothing about a placement instance"},
      {{"plan", instance, "--scratchpad", "8", "--write-cost", "2"},
       2,
       "--write-cost: says nothing about a placement instance"},
      {{"plan", net, "-s", "25", "--steady-state"},
       2,
       "steady state: the problem has no weights that could stay"},
      {{"plan", net, "-s", "25", "--steady-state", "--solver", "ilp"},
       2,
       "--steady-state: does not go with --solver"},
      {{"plan", net, "-s", "25", "--steady-state", "--compare"},
       2,
       "--steady-state: does not go with --compare"},
      {{"plan", net, "-s", "25", "--steady-state", "--sweep"},
       2,
       "--steady-state: does not go with --sweep"},
      {{"plan", "zoo:nasnet-a", "-s", "MR", "--steady-state"},
       2,
       "--steady-state: needs --weights: the plan says which of them stay"},
      {{"plan", net, "--minimize", "peak", "--steady-state"},
       2,
       "--steady-state: does not go with --minimize peak"},
      {{"plan", instance, "--scratchpad", "8", "--steady-state"},
       2,
       "--steady-state: says nothing about a placement instance"},
      {{"plan", net, "-s", "25", "--second-level", "0"}, 2, "--second-level: 0 B is not above 0"},
      {{"plan", net, "-s", "25", "--second-level", "x"}, 2, "--second-level: "},
      {{"plan", net, "-s", "25", "--second-cost", "1"}, 2, "--second-cost: needs --second-level"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--second-cost", "2"},
       2,
       "--second-cost: 2 is not from 0 to 1"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--solver", "ilp"},
       2,
       "--second-level: does not go with --solver"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--steady-state"},
       2,
       "--second-level: does not go with --steady"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--export", "x.h"},
       2,
       "--second-level: does not go with --export"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--export-tflm", "x.bin"},
       2,
       "--second-level: does not go with --export-tflm"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--compare"},
       2,
       "--second-level: does not go with --compare"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--sweep"},
       2,
       "--second-level: does not go with --sweep"},
      {{"plan", net, "-s", "25", "--second-level", "8", "--report", "x.svg"},
       2,
       "--second-level: does not go with --report"},
      {{"plan", net, "--minimize", "peak", "--second-level", "8"},
       2,
       "--second-level: does not go with --minimize peak"},
      {{"plan", instance, "--scratchpad", "8", "--second-level", "8"},
       2,
       "--second-level: says nothing about a placement instance"},
      {{"plan", net, "-s", "25", "--move-cost", "-1"},
       2,
       "--move-cost: -1 is not from 0 to 1000000"},
      {{"plan", net, "-s", "25", "--move-cost", "1", "--solver", "ilp"},
       2,
       "--move-cost: does not go with --solver"},
      {{"plan", net, "-s", "25", "--move-cost", "1", "--compare"},
       2,
       "--move-cost: does not go with --compare"},
      {{"plan", net, "--minimize", "peak", "--move-cost", "1"},
       2,
       "--move-cost: does not go with --minimize peak"},
      {{"plan", instance, "--scratchpad", "8", "--move-cost", "1"},
       2,
       "--move-cost: says nothing about a placement instance"},
      {{"plan", instance, "--scratchpad", "MR"},
       2,
       "--scratchpad: does not go with a placement instance"},
      {{"plan", instance, "--scratchpad", "8", "--execute"},
       2,
       "--execute: says nothing about a placement"},
      {{"plan", instance}, 2, "--scratchpad: is missing"},
      {{"plan", instance, "--scratchpad", "8", "--compare"},
       2,
       "--compare: says nothing about a placement"},
      {{"plan", instance, "--scratchpad", "8", "--solver", "ilp"},
       2,
       "--solver: says nothing about a placement"},
      {{"plan", net, "--minimize", "peak", "--scratchpad", "25"},
       2,
       "--scratchpad: does not go with --minimize peak"},
      {{"plan", net, "--minimize", "peak", "--compare"},
       2,
       "--compare: does not go with --minimize peak"},
      {{"plan", net, "--minimize", "time", "--scratchpad", "25"}, 2, "--minimize: "},
      {{"plan", temporary("bad.csv", "id,lower,upper,size\na,0,x,4\n"), "--scratchpad", "8"},
       1,
       temporary("bad.csv") + " line 2"},
      {{"plan", "zoo:resnet5", "-s", "MR"},
       1,
       "zoo:resnet5: no such network\n  try: did you mean 'resnet50'?"},
      {{"plan", "zoo:unet", "-s", "MR", "--shape", "x=1x2"},
       2,
       "--shape: says nothing about the zoo"},
      {{"plan", "check", net}, 2, "PLAN: is missing"},
      {{"plan", "check", net, gone}, 1, gone + ": cannot open"},
      {{"plan", "check", net, text}, 1, text + ": "},
      {{"inspect", text}, 1, text + ": is none of: ONNX"},
      {{"inspect", cut}, 1, cut},
      {{"inspect", net, "--text"}, 2, "--text: says nothing about a planner's problem"},
      {{"inspect", net, "--dot", gone}, 2, "--dot: says nothing about a planner's problem"},
      {{"inspect", net, "--weights"}, 2, "--weights: says nothing"},
  };
  for (const BadCall& call : calls) {
    const Outcome outcome = pliant(call.words);
    EXPECT_EQ(outcome.code, call.code) << call.error << "\n" << outcome.err;
    const std::string error = "pliant: error: " + call.error;
    EXPECT_EQ(outcome.err.substr(0, error.size()), error);
    EXPECT_EQ(outcome.out, "") << call.error;
  }
}

TEST(Plan, AFailedCommandLeavesTheOldFile) {
  const std::string out = temporary("kept.json", "old");
  plan_at("24", {"--out", out});
  EXPECT_EQ(read_file(out), "old");
}

// Layers of operators that all need each other's results: too many orders to search.
std::string wide_problem() {
  json tensors = json::array(), operators = json::array();
  tensors.push_back({{"name", "x"}, {"bytes", 64}, {"role", "input"}});
  const int layers = 12, width = 12;
  for (int l = 0; l < layers; ++l)
    for (int i = 0; i < width; ++i) {
      const std::string name = std::to_string(l) + "." + std::to_string(i);
      tensors.push_back({{"name", name},
                         {"bytes", 50 + (l * 37 + i * 53) % 61},
                         {"role", l + 1 == layers ? "output" : "activation"}});
      json inputs = json::array();
      if (l == 0) inputs.push_back("x");
      for (int k : {0, 3, 7})
        if (l > 0)
          inputs.push_back(std::to_string(l - 1) + "." + std::to_string((i * 5 + k) % width));
      operators.push_back({{"name", name}, {"inputs", inputs}, {"outputs", {name}}});
    }
  return json{{"tensors", tensors}, {"operators", operators}}.dump();
}

TEST(Plan, ATimeLimitGivesTheBestPlanABoundAndAGap) {
  const std::string file = temporary("wide.json", wide_problem());
  const Outcome outcome =
      pliant({"plan", file, "--scratchpad", "MR", "--time-limit", "300ms", "--json"});
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "feasible") << outcome.err;
  EXPECT_EQ(outcome.code, 0);
  EXPECT_LT(answer["lower_bound_bytes"], answer["traffic_bytes"]);
  EXPECT_LT(answer["seconds"].get<double>(), 30);
}

TEST(Plan, SaysWhatEndedItBeforeAnyPlan) {
  const Outcome outcome = plan_at("MR", {"--time-limit", "0"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("undecided: a limit ended the search before any plan was found"),
            std::string::npos)
      << outcome.out;
}

TEST(Plan, CtrlCGivesTheBestPlanSoFar) {
  const std::string file = temporary("wide.json", wide_problem());
  const Outcome outcome =
      pliant_interrupted({"plan", file, "--scratchpad", "MR", "--json"}, SIGINT, 1);
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "feasible") << outcome.err;
  EXPECT_EQ(outcome.code, 0);
}

// It used to ignore both while CBC ran.
TEST(Plan, TheIntegerProgramHeedsCtrlCAndTheTimeLimit) {
  const std::string file = temporary("wide.json", wide_problem());
  const std::vector<std::string> words{"plan",     file,  "--scratchpad", "MR",
                                       "--solver", "ilp", "--json"};
  std::vector<std::string> limited = words;
  limited.insert(limited.end(), {"--time-limit", "300ms"});
  const Outcome first = pliant(limited);
  if (first.err.find("has no integer program solver") != std::string::npos)
    GTEST_SKIP() << first.err;
  for (const Outcome& outcome : {first, pliant_interrupted(words, SIGINT, 1)}) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const json answer = json::parse(outcome.out);
    EXPECT_EQ(answer["status"], "feasible");
    EXPECT_LT(answer["seconds"].get<double>(), 30);
  }
}

}  // namespace
}  // namespace pliant::test
