// pliant plan --report and --sweep.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

using nlohmann::json;

// At 25 bytes one tensor must leave and come back. Names as hostile as JSON allows.
const char* const hostile_diamond = R"({"tensors": [
  {"name": "x</script><b>", "bytes": 10, "role": "input"},
  {"name": "l\u0001&'\"", "bytes": 10, "role": "activation"},
  {"name": "r", "bytes": 10, "role": "activation"},
  {"name": "s", "bytes": 10, "role": "activation"},
  {"name": "y", "bytes": 5, "role": "output"}],
 "operators": [
  {"name": "left<i>", "inputs": ["x</script><b>"], "outputs": ["l\u0001&'\""]},
  {"name": "right", "inputs": ["x</script><b>"], "outputs": ["r"]},
  {"name": "more", "inputs": ["r"], "outputs": ["s"]},
  {"name": "join", "inputs": ["l\u0001&'\"", "s"], "outputs": ["y"]}]})";

std::string net() { return temporary("hostile-diamond.json", hostile_diamond); }

std::string absent(const std::string& name) {
  const std::string path = temporary(name);
  std::filesystem::remove(path);
  return path;
}

TEST(PlanPicture, WritesAPageThatNeedsNothingElse) {
  const std::string page = absent("plan.html");
  const Outcome outcome = pliant({"plan", net(), "-s", "25", "--report", page});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("report      written to " + page), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("compare     default-belady"), std::string::npos) << outcome.out;
  const std::string text = read_file(page);
  EXPECT_EQ(text.rfind("<!DOCTYPE html>", 0), 0u);
  EXPECT_NE(text.find("hostile-diamond.json in 25 B"), std::string::npos);
  EXPECT_NE(text.find("x&lt;/script&gt;&lt;b&gt;"), std::string::npos);
  for (const char* never : {"</script><b>", "<i>", "\x01", "src=", "@import", "<link"})
    EXPECT_EQ(text.find(never), std::string::npos) << never;
}

TEST(PlanPicture, WritesTheMapAloneAsSvg) {
  const std::string map = absent("plan.svg");
  const json answer =
      json::parse(pliant({"plan", net(), "-s", "25", "--report", map, "--json"}).out);
  EXPECT_EQ(answer["report"], map);
  EXPECT_FALSE(answer.contains("baselines"));  // a map compares nothing
  const std::string text = read_file(map);
  EXPECT_EQ(text.rfind("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg ", 0), 0u);
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_NE(text.find("made by "), std::string::npos);
}

TEST(PlanPicture, DrawsTheLeastPeakAndPlacements) {
  for (const char* end : {".html", ".svg"}) {
    const std::string peak = absent(std::string("peak") + end),
                      placed = absent(std::string("placed") + end);
    EXPECT_EQ(pliant({"plan", net(), "--minimize", "peak", "--report", peak}).code, 0);
    EXPECT_NE(read_file(peak).find("in 30 B"), std::string::npos);
    const std::string csv = temporary("two.csv", "id,lower,upper,size\na&,0,3,4\nb,3,9,4\n");
    const json answer =
        json::parse(pliant({"plan", csv, "-s", "8", "--report", placed, "--json"}).out);
    EXPECT_EQ(answer["report"], placed);
    EXPECT_NE(read_file(placed).find("a&amp;"), std::string::npos);
  }
}

TEST(PlanPicture, DrawsFrames) {
  const std::string page = absent("frame.html");
  const Outcome outcome =
      pliant({"plan", "zoo:lraspp", "--elem-bytes", "1", "--weights", "--steady-state", "-s",
              "8MiB", "--time-limit", "5", "--report", page, "--quiet"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(read_file(page).find("stays from frame to frame, never loaded"), std::string::npos);
}

TEST(PlanPicture, WithoutAPlanItSaysSoAndWritesNothing) {
  const std::string page = absent("none.html");
  const Outcome outcome = pliant({"plan", net(), "-s", "24", "--report", page});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find(page + ": not written, there is no plan to draw"), std::string::npos)
      << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(page));
  const std::string csv = temporary("tight.csv", "id,lower,upper,size\na,0,3,4\nb,0,9,5\n");
  const Outcome placing = pliant({"plan", csv, "-s", "8", "--report", page});
  EXPECT_EQ(placing.code, 1);
  EXPECT_NE(placing.err.find("not written, there is no placement to draw"), std::string::npos)
      << placing.err;
  EXPECT_FALSE(std::filesystem::exists(page));
}

std::vector<std::int64_t> swept(const std::vector<std::string>& words) {
  std::vector<std::string> all{"plan", net(), "-s", "25", "--json"};
  all.insert(all.end(), words.begin(), words.end());
  const Outcome outcome = pliant(all);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  std::vector<std::int64_t> sizes;
  const json answer = json::parse(outcome.out);
  for (const json& point : answer["sweep"]) sizes.push_back(point["scratchpad_bytes"]);
  return sizes;
}

TEST(PlanSweep, TakesANumberARangeOrAList) {
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(swept({"--sweep", "3"}), (Sizes{25, 30, 35}));
  EXPECT_EQ(swept({"--sweep", "25:31:4"}), (Sizes{25, 27, 29, 31}));
  EXPECT_EQ(swept({"--sweep=MR:MP:2"}), (Sizes{25, 30}));
  EXPECT_EQ(swept({"--sweep", "28B,26B,28B,1KiB"}), (Sizes{26, 28, 1024}));
  EXPECT_EQ(swept({"--sweep"}), (Sizes{25, 26, 27, 28, 29, 30, 31}));  // M_R = 25, M_P = 30
  EXPECT_EQ(swept({"--sweep", "--quiet"}), (Sizes{25, 26, 27, 28, 29, 30, 31}));
}

TEST(PlanSweep, SaysEachSizesTrafficBesideTheBaselines) {
  const json answer = json::parse(
      pliant({"plan", "--sweep", net(), "-s", "25", "--json"}).out);  // the file is no value
  const json& first = answer["sweep"][0];
  EXPECT_EQ(first["status"], "optimal");
  EXPECT_EQ(first["traffic_bytes"], answer["traffic_bytes"]);
  EXPECT_EQ(first["lower_bound_bytes"], answer["lower_bound_bytes"]);
  ASSERT_EQ(first["baselines"].size(), 4u);
  EXPECT_EQ(first["baselines"][0]["name"], "default-belady");
  EXPECT_GE(first["baselines"][0]["traffic_bytes"], answer["traffic_bytes"]);
  EXPECT_EQ(answer["sweep"].back()["traffic_bytes"], 0);
  const json priced = json::parse(pliant({"plan", net(), "-s", "25", "--read-cost", "2",
                                          "--write-cost", "3", "--sweep", "3", "--json"})
                                      .out);
  EXPECT_EQ(priced["sweep"][0]["cost"], priced["cost"]);
}

TEST(PlanSweep, HelpShowsThatItsValueMayBeLeftOut) {
  EXPECT_NE(pliant({"plan", "--help"}).out.find("--sweep [SIZES]"), std::string::npos);
}

TEST(PlanSweep, PrintsATable) {
  const Outcome outcome = pliant({"plan", net(), "-s", "25", "--sweep", "3"});
  EXPECT_NE(
      outcome.out.find(
          "\nbytes beyond the compulsory:\nscratchpad  status   traffic  at least  default-belady"),
      std::string::npos)
      << outcome.out;
}

TEST(PlanSweep, EndsWithWhatThereIs) {
  const Outcome outcome = pliant_interrupted(
      {"plan", "zoo:nasnet-a", "--elem-bytes", "1", "-s", "MR", "--sweep", "1000", "--json"},
      SIGINT, 3);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("the sweep was ended after "), std::string::npos) << outcome.err;
  EXPECT_LT(json::parse(outcome.out)["sweep"].size(), 1000u);
}

TEST(PlanPicture, RefusesBadInputNamingTheOption) {
  const std::string csv = temporary("two.csv", "id,lower,upper,size\na,0,3,4\nb,3,9,4\n");
  const struct {
    std::vector<std::string> words;
    std::string error;
  } calls[] = {
      {{net(), "-s", "25", "--report", "plan.pdf"},
       "--report: 'plan.pdf' ends neither in .html nor in .svg\n  try: "},
      {{net(), "-s", "25", "--report", "html"}, "--report: 'html' ends neither"},
      {{net(), "--minimize", "peak", "--sweep"}, "--sweep: does not go with --minimize peak"},
      {{csv, "-s", "8", "--sweep"}, "--sweep: says nothing about a placement instance"},
      {{net(), "-s", "25", "--sweep", "1"},
       "--sweep: '1' in '1' is not a number of sizes from 2 to 1000\n  try: "},
      {{net(), "-s", "25", "--sweep", "100000"}, "--sweep: '100000' in"},
      {{net(), "-s", "25", "--sweep", "25:30:x"},
       "--sweep: 'x' in '25:30:x' is not a number of sizes"},
      {{net(), "-s", "25", "--sweep", "25:30:4:5"}, "--sweep: '25:30:4:5' has too many colons"},
      {{net(), "-s", "25", "--sweep", "2x,30"}, "--sweep: '2x' is not a size in whole bytes"},
      {{net(), "-s", "25", "--sweep", "30B,"}, "--sweep: '' is not a size in whole bytes"},
      {{net(), "-s", "25", "--sweep", "30:26:4"}, "--sweep: begins at 30 B, above its end 26 B"},
      {{net(), "-s", "25", "--sweep", "24:30:4"},
       "--sweep: 24 B are too few: operator 'join' needs 25 B\n  try: begin at MR"},
      {{net(), "-s", "25", "--sweep", "30B,3B"},
       "--sweep: 3 B are too few: operator 'join' needs 25 B"},
  };
  for (const auto& call : calls) {
    std::vector<std::string> words{"plan"};
    words.insert(words.end(), call.words.begin(), call.words.end());
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, 2) << call.error << "\n" << outcome.out << outcome.err;
    EXPECT_NE(outcome.err.find(call.error), std::string::npos) << call.error << "\n" << outcome.err;
  }
  const Outcome nowhere = pliant({"plan", net(), "-s", "25", "--report", "/no/such/plan.svg"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_NE(nowhere.err.find("/no/such/plan.svg: cannot write"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace pliant::test
