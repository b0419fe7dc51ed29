// pliant plan, plan check and inspect on problems and placement instances.
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

TEST(Plan, SaysTheOptimumAsJson) {
  const Outcome outcome = plan_at("25", {"--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["scratchpad_bytes"], 25);
  EXPECT_EQ(answer["compulsory_bytes"], 15);
  EXPECT_EQ(answer["traffic_bytes"], answer["lower_bound_bytes"]);
  EXPECT_GT(answer["traffic_bytes"], 0);
  EXPECT_GE(answer["default_belady_bytes"], answer["traffic_bytes"]);
  EXPECT_GE(answer["seconds"].get<double>(), 0);
  EXPECT_EQ(json::parse(plan_at("30", {"--json"}).out)["traffic_bytes"], 0);
}

TEST(Plan, PrintsASummaryForPeople) {
  const Outcome outcome = plan_at("25");
  for (const char* part :
       {"network     two_ways.json: 4 operators, 5 tensors, 45 B", "scratchpad  25 B\n",
        "status      optimal (", "beyond the compulsory 15 B", "default order with Belady"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
}

TEST(Plan, KnowsTheSizesByName) {
  EXPECT_EQ(json::parse(plan_at("MR", {"--json"}).out)["scratchpad_bytes"], 25);
  EXPECT_EQ(json::parse(plan_at("MP", {"--json"}).out)["scratchpad_bytes"], 30);
  EXPECT_EQ(json::parse(plan_at("MH", {"--json"}).out)["scratchpad_bytes"], 27);
  EXPECT_EQ(json::parse(plan_at("MP", {"--json"}).out)["traffic_bytes"], 0);
  EXPECT_NE(plan_at("MR").out.find("25 B, MR"), std::string::npos);
}

TEST(Plan, ComparesWithTheFourSimpleMethods) {
  const json answer = json::parse(plan_at("25", {"--compare", "--json"}).out);
  ASSERT_EQ(answer["baselines"].size(), 4u);
  std::vector<std::string> names;
  for (const json& baseline : answer["baselines"]) {
    names.push_back(baseline["name"]);
    EXPECT_GE(baseline["traffic_bytes"], answer["traffic_bytes"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"default-belady", "default-greedy", "minpeak-belady",
                                             "minpeak-greedy"}));
  const Outcome outcome = plan_at("25", {"--compare"});
  EXPECT_NE(outcome.out.find("compare     default-belady "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("            minpeak-greedy "), std::string::npos) << outcome.out;
}

TEST(Plan, FindsTheSmallestScratchpadWithoutTraffic) {
  const std::string file = temporary("peak.json");
  const Outcome outcome =
      pliant({"plan", two_ways_file(), "--minimize", "peak", "--json", "--out", file});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["scratchpad_bytes"], 30);
  EXPECT_EQ(answer["least_scratchpad_bytes"], 30);
  EXPECT_EQ(answer["traffic_bytes"], 0);
  EXPECT_EQ(pliant({"plan", "check", two_ways_file(), file}).code, 0);
  EXPECT_NE(pliant({"plan", two_ways_file(), "--minimize", "peak"})
                .out.find("no order without traffic fits in less"),
            std::string::npos);
}

TEST(Plan, TheIntegerProgramAgreesOrIsRefusedByName) {
  const Outcome outcome = plan_at("25", {"--solver", "ilp", "--json"});
  if (outcome.code == 1) {
    EXPECT_NE(outcome.err.find("--solver: this build has no integer program solver"),
              std::string::npos);
    return;
  }
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["traffic_bytes"], json::parse(plan_at("25", {"--json"}).out)["traffic_bytes"]);
}

TEST(Plan, DividesAndConquers) {
  const json answer = json::parse(pliant({"plan", "zoo:pnasnet5", "--elem-bytes", "1", "-s", "MR",
                                          "--solver", "divide", "--json"})
                                      .out);
  EXPECT_EQ(answer["scratchpad_bytes"], 564'480);
  EXPECT_GE(answer["traffic_bytes"], 495'488);
  EXPECT_LE(answer["lower_bound_bytes"], 495'488);
}

TEST(Plan, NamesTheOperatorThatDoesNotFit) {
  const Outcome outcome = plan_at("24", {"--json", "--out", temporary("none.json")});
  EXPECT_EQ(outcome.code, 1);
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "infeasible");
  EXPECT_EQ(answer["operator"], "join");
  EXPECT_EQ(answer["needed_bytes"], 25);
  EXPECT_FALSE(std::filesystem::exists(temporary("none.json")));
  EXPECT_NE(plan_at("24").out.find("infeasible: operator 'join' needs 25 B"), std::string::npos);
}

TEST(Plan, WritesAPlanThatTheCheckerAccepts) {
  const std::string file = temporary("plan.json"), problem = temporary("problem.json");
  EXPECT_EQ(plan_at("25", {"--out", file, "--problem", problem}).code, 0);
  const Outcome valid = pliant({"plan", "check", two_ways_file(), file});
  EXPECT_EQ(valid.code, 0) << valid.out << valid.err;
  EXPECT_EQ(valid.out.rfind("valid ", 0), 0u);
  EXPECT_EQ(json::parse(pliant({"plan", "check", problem, file, "--json"}).out)["valid"], true);
  EXPECT_NE(pliant({"inspect", file}).out.find("traffic_bytes"), std::string::npos);
}

TEST(Plan, TheCheckerRejectsAMutatedPlan) {
  const std::string file = temporary("plan.json");
  plan_at("25", {"--out", file});
  json mutated = json::parse(read_file(file));
  mutated["traffic_bytes"] = mutated["traffic_bytes"].get<int>() - 1;
  const Outcome less =
      pliant({"plan", "check", two_ways_file(), temporary("mutated.json", mutated.dump())});
  EXPECT_EQ(less.code, 1);
  EXPECT_EQ(less.out.rfind("INVALID ", 0), 0u) << less.out;
  mutated = json::parse(read_file(file));
  std::swap(mutated["order"][0], mutated["order"][3]);
  EXPECT_EQ(
      pliant({"plan", "check", two_ways_file(), temporary("mutated.json", mutated.dump())}).code,
      1);
  mutated["order"][0] = "nothing";
  const Outcome foreign =
      pliant({"plan", "check", two_ways_file(), temporary("mutated.json", mutated.dump())});
  EXPECT_EQ(foreign.code, 1);
  EXPECT_NE(foreign.err.find("mutated.json: "), std::string::npos) << foreign.err;
}

TEST(Plan, ExecutesThePlan) {
  const json answer = json::parse(plan_at("25", {"--execute", "--json"}).out);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(answer["execution"]["traffic_bytes"], answer["traffic_bytes"]);
  EXPECT_EQ(answer["execution"]["compulsory_bytes"], 15);
  EXPECT_LE(answer["execution"]["highest_byte"], 25);
  EXPECT_NE(plan_at("25", {"--execute"}).out.find("bit-equal"), std::string::npos);
}

TEST(Plan, EstimatesTimeAndEnergyOnADevice) {
  const std::string device =
      temporary("device.json", R"({"name": "chip", "scratchpad_bytes": 25, "operations_per_s": 1e9,
    "bandwidth_bytes_per_s": 1e6, "energy_per_byte_j": 1e-9})");
  const json answer =
      json::parse(pliant({"plan", two_ways_file(), "--device", device, "--json"}).out);
  EXPECT_EQ(answer["scratchpad_bytes"], 25);
  const std::int64_t moved = answer["traffic_bytes"].get<std::int64_t>() + 15;
  EXPECT_EQ(answer["estimate"]["device"], "chip");
  EXPECT_EQ(answer["estimate"]["transferred_bytes"], moved);
  EXPECT_DOUBLE_EQ(answer["estimate"]["transfer_s"], static_cast<double>(moved) / 1e6);
  EXPECT_DOUBLE_EQ(answer["estimate"]["energy_j"], static_cast<double>(moved) * 1e-9);
  const Outcome larger = plan_at("26", {"--device", device});
  EXPECT_EQ(larger.code, 2);
  EXPECT_NE(larger.err.find("--scratchpad: 26 B, but the device of --device has 25 B"),
            std::string::npos);
}

TEST(Plan, MakesTheCostLeastWhereBytesHavePrices) {
  const std::string file = temporary("priced.json");
  const Outcome outcome = plan_at("25", {"--read-cost", "2", "--write-cost", "3", "--execute",
                                         "--compare", "--json", "--out", file});
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal") << outcome.err;
  EXPECT_EQ(answer["traffic_bytes"], 20);
  EXPECT_EQ(answer["cost"], 10 * 2 + 10 * 3);
  EXPECT_EQ(answer["lower_bound_cost"], 50);
  EXPECT_EQ(answer["read_cost"], 2);
  EXPECT_GE(answer["default_belady_cost"], 50);
  EXPECT_GE(answer["baselines"][0]["cost"], 50);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  const json checked = json::parse(pliant({"plan", "check", two_ways_file(), file, "--json"}).out);
  EXPECT_EQ(checked["valid"], true);
  EXPECT_EQ(checked["cost"], 50);
  EXPECT_NE(plan_at("25", {"--read-cost", "2"})
                .out.find("cost        30 at 2 per byte loaded and 1 per byte stored\n"),
            std::string::npos);
  EXPECT_FALSE(json::parse(plan_at("25", {"--json"}).out).contains("cost"));
}

TEST(Plan, TakesPricesFromTheDevice) {
  const std::string device =
      temporary("priced-device.json", R"({"scratchpad_bytes": 25, "operations_per_s": 1e9,
    "bandwidth_bytes_per_s": 1e6, "read_cost": 5, "write_cost": 7})");
  const json answer =
      json::parse(pliant({"plan", two_ways_file(), "--device", device, "--json"}).out);
  EXPECT_EQ(answer["cost"], 120);
  EXPECT_EQ(pliant({"plan", two_ways_file(), "--device", device, "--read-cost", "5"}).code, 0);
  const Outcome other = pliant({"plan", two_ways_file(), "--device", device, "--read-cost", "4"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("--read-cost: 4, but the device of --device says 5"), std::string::npos)
      << other.err;
}

TEST(Plan, KeepsTensorsInASecondLevel) {
  const std::string problem = temporary("second.json", R"({"tensors": [
    {"name": "a", "bytes": 8, "role": "activation"}, {"name": "b", "bytes": 16, "role": "activation"},
    {"name": "c", "bytes": 8, "role": "activation"}, {"name": "y", "bytes": 8, "role": "output"}],
   "operators": [{"name": "f", "inputs": [], "outputs": ["a"]}, {"name": "g", "inputs": ["a"], "outputs": ["b"]},
                 {"name": "h", "inputs": ["b"], "outputs": ["c"]},
                 {"name": "k", "inputs": ["a", "c"], "outputs": ["y"]}]})");
  const std::string file = temporary("second_plan.json");
  const std::vector<std::string> call{"plan",           problem, "-s",       "24",
                                      "--second-level", "8",     "--execute"};
  std::vector<std::string> with_json = call;
  with_json.insert(with_json.end(), {"--json", "--out", file});
  const Outcome outcome = pliant(with_json);
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal") << outcome.err;
  EXPECT_EQ(answer["traffic_bytes"], 16);
  EXPECT_EQ(answer["second_level"]["off_chip_bytes"], 0);
  EXPECT_EQ(answer["second_level"]["moved_bytes"], 16);
  EXPECT_EQ(answer["execution"]["traffic_bytes"], 0);
  EXPECT_EQ(answer["execution"]["second_level_bytes"], 16);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(json::parse(pliant({"plan", "check", problem, file, "--json"}).out)["off_chip_bytes"],
            0);
  EXPECT_NE(pliant(call).out.find("0 B left off chip, 16 B moved to and from 8 B"),
            std::string::npos)
      << pliant(call).out;
  EXPECT_FALSE(
      json::parse(pliant({"plan", problem, "-s", "24", "--json"}).out).contains("second_level"));
}

TEST(Plan, PinsWeightsFromFrameToFrame) {
  const std::string problem = temporary("weights.json", R"({"tensors": [
    {"name": "x", "bytes": 10, "role": "input"}, {"name": "w", "bytes": 10, "role": "weight"},
    {"name": "t", "bytes": 10, "role": "activation"}, {"name": "v", "bytes": 8, "role": "weight"},
    {"name": "y", "bytes": 4, "role": "output"}],
   "operators": [{"name": "f", "inputs": ["x", "w"], "outputs": ["t"]},
                 {"name": "g", "inputs": ["t", "v"], "outputs": ["y"]}]})");
  const std::string file = temporary("steady.json");
  const Outcome outcome =
      pliant({"plan", problem, "-s", "37", "--steady-state", "--execute", "--json", "--out", file});
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal") << outcome.err;
  EXPECT_EQ(answer["steady_state"]["frame_cost"], 8);  // w stays; both would need 38 bytes
  EXPECT_EQ(answer["steady_state"]["pinned_bytes"], 10);
  EXPECT_EQ(answer["steady_state"]["frame_bytes"], 22);
  EXPECT_EQ(answer["execution"]["frames"], 2);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(json::parse(pliant({"plan", "check", problem, file, "--json"}).out)["frame_bytes"], 22);
  EXPECT_NE(pliant({"plan", problem, "-s", "37", "--steady-state"})
                .out.find("frame       22 B moved in each, cost 8; 1 weights stay, 10 of 18 B\n"),
            std::string::npos);
  EXPECT_FALSE(
      json::parse(pliant({"plan", problem, "-s", "37", "--json"}).out).contains("steady_state"));
}

TEST(Plan, ASameLineGivesTheSameAnswerAtEveryThreadCount) {
  const std::string one = temporary("one.json"), two = temporary("two.json");
  plan_at("25", {"--threads", "1", "--out", one});
  plan_at("25", {"--threads", "2", "--out", two});
  EXPECT_EQ(read_file(one), read_file(two));
}

TEST(Plan, PlacesAnInstance) {
  const std::string instance = temporary("a.csv", three_buffers), placed = temporary("placed.csv");
  const Outcome outcome =
      pliant({"plan", instance, "--scratchpad", "8", "--out", placed, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["height_bytes"], 8);
  EXPECT_EQ(read_file(placed).rfind("id,lower,upper,size,offset\n", 0), 0u);
  const Outcome tight = pliant({"plan", instance, "--scratchpad", "7", "--json"});
  EXPECT_EQ(tight.code, 1);
  EXPECT_EQ(json::parse(tight.out)["status"], "infeasible");
  EXPECT_EQ(json::parse(tight.out)["needed_bytes"], 8);
}

TEST(Plan, PlacesTheMinimallocInstances) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const Outcome outcome = pliant({"plan", std::string(data) + "/minimalloc/C.1048576.csv",
                                  "--scratchpad", "1048576", "--json"});
  EXPECT_EQ(json::parse(outcome.out)["status"], "optimal");
}

TEST(Plan, PlansTheZoo) {
  const Outcome list = pliant({"plan", "zoo:list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_NE(list.out.find("zoo:resnet50 "), std::string::npos) << list.out;
  EXPECT_EQ(json::parse(pliant({"inspect", "zoo:list", "--json"}).out)["networks"].size(), 20u);
  const json facts =
      json::parse(pliant({"inspect", "zoo:resnet50", "--elem-bytes", "1", "--json"}).out);
  EXPECT_EQ(facts["kind"], "zoo");
  EXPECT_EQ(facts["parameters"], 25'557'032);
  EXPECT_EQ(facts["m_r"], facts["m_p"]);
  const Outcome outcome = pliant(
      {"plan", "zoo:nasnet-a", "--elem-bytes", "1", "-s", "MR", "--execute", "--json", "--quiet"});
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["traffic_bytes"], 413'952);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
}

TEST(Plan, WritesResultsInPlace) {
  const auto facts = [](std::vector<std::string> more) {
    std::vector<std::string> words{"inspect", "zoo:resnet50", "--elem-bytes", "1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return json::parse(pliant(words).out);
  };
  EXPECT_EQ(facts({})["m_r"], 2'408'448);  // a sum of three values
  EXPECT_EQ(facts({"--in-place"})["m_r"], 1'605'632);
  const std::string out = temporary("in-place-plan.json");
  const json answer = json::parse(pliant({"plan", "zoo:resnet50", "--elem-bytes", "1", "-s", "MR",
                                          "--in-place", "--execute", "--json", "--out", out})
                                      .out);
  EXPECT_EQ(answer["in_place"], 16);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(pliant({"plan", "check", "zoo:resnet50", out, "--elem-bytes", "1", "--in-place"}).code,
            0);
  EXPECT_EQ(pliant({"plan", "check", "zoo:resnet50", out, "--elem-bytes", "1"}).code, 1);
}

TEST(Plan, CutsMapsIntoBands) {
  const auto facts = [](const std::string& network) {
    return json::parse(
        pliant({"inspect", network, "--elem-bytes", "1", "--tiles", "4", "--json", "--quiet"}).out);
  };
  EXPECT_EQ(facts("zoo:resnet50")["m_r"], 602'112);    // a quarter
  EXPECT_EQ(facts("zoo:resnet50")["m_p"], 1'304'576);  // of 2,408,448
  EXPECT_EQ(facts("zoo:unet")["m_r"], 5'619'712);      // of 12,845,056
  const std::string out = temporary("banded-plan.json");
  const json answer =
      json::parse(pliant({"plan", "zoo:resnet50", "--elem-bytes", "1", "-s", "700KiB", "--tiles",
                          "4", "--execute", "--json", "--out", out, "--time-limit", "20s"})
                      .out);
  EXPECT_EQ(answer["tiles"], 4);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(
      pliant({"plan", "check", "zoo:resnet50", out, "--elem-bytes", "1", "--tiles", "4"}).code, 0);
}

TEST(Plan, ReadsThePartsOfAConcatAsOne) {
  const json facts = json::parse(pliant({"inspect", "zoo:unet", "--elem-bytes", "1",
                                         "--zero-copy-concat", "--json", "--quiet"})
                                     .out);
  EXPECT_EQ(facts["m_r"], 9'633'792);  // of 12,845,056
  const std::string out = temporary("run-plan.json");
  const json answer =
      json::parse(pliant({"plan", "zoo:unet", "--elem-bytes", "1", "-s", "MR", "--zero-copy-concat",
                          "--execute", "--json", "--out", out})
                      .out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["zero_copy_concats"], 4);
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
  EXPECT_EQ(
      pliant({"plan", "check", "zoo:unet", out, "--elem-bytes", "1", "--zero-copy-concat"}).code,
      0);
  EXPECT_EQ(pliant({"plan", "check", "zoo:unet", out, "--elem-bytes", "1"}).code, 1);
}

TEST(Plan, PlansNcnnNetworks) {
  const std::string file =
      temporary("net.param",
                "7767517\n3 3\nInput x 0 1 x 0=8 1=8 2=3\nConvolution c 1 1 x c 0=4 1=3 4=1 "
                "6=108\nPooling p 1 1 c y 1=2 2=2\n");
  const json facts = json::parse(pliant({"inspect", file, "--elem-bytes", "1", "--json"}).out);
  EXPECT_EQ(facts["kind"], "ncnn");
  EXPECT_EQ(facts["parameters"], 108);
  EXPECT_EQ(facts["m_r"], 3 * 64 + 4 * 64);
  const json answer = json::parse(
      pliant({"plan", file, "--elem-bytes", "1", "-s", "MR", "--execute", "--json"}).out);
  EXPECT_EQ(answer["status"], "optimal");
  EXPECT_EQ(answer["execution"]["outputs_equal"], true);
}

TEST(Inspect, SaysWhatAProblemHolds) {
  const json answer = json::parse(pliant({"inspect", two_ways_file(), "--json"}).out);
  EXPECT_EQ(answer["kind"], "problem");
  EXPECT_EQ(answer["operators"], 4);
  EXPECT_EQ(answer["tensors"], 5);
  EXPECT_EQ(answer["m_r"], 25);
  EXPECT_EQ(answer["m_p"], 30);
  EXPECT_EQ(answer["m_p_exact"], true);
  const Outcome text = pliant({"inspect", two_ways_file()});
  EXPECT_NE(text.out.find("M_R         25 B, operator 'join'"), std::string::npos) << text.out;
}

TEST(Inspect, TellsFilesByTheirContent) {
  EXPECT_EQ(
      json::parse(pliant({"inspect", temporary("odd.onnx", three_buffers), "--json"}).out)["kind"],
      "placement");
  EXPECT_EQ(json::parse(pliant({"inspect", temporary("odd.csv", two_ways), "--json"}).out)["kind"],
            "problem");
  const Outcome placement = pliant({"inspect", temporary("a.csv", three_buffers)});
  EXPECT_NE(placement.out.find("3 buffers, 12 B together, until time 9"), std::string::npos)
      << placement.out;
}

}  // namespace
}  // namespace pliant::test
