// What is drawn of a plan: every residency and transfer once, with the plan's own sums.
#include "plan/report/page.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/pool.h"
#include "plan/report/plan_map.h"
#include "plan/report/transfers.h"
#include "plan/steady.h"

namespace pliant::plan {
namespace {

// l must leave while right and more run at 25 bytes; h holds workspace.
Problem diamond() {
  Problem problem;
  problem.tensors = {{"x", 10, Role::input},
                     {"l", 10, Role::activation},
                     {"r", 10, Role::activation},
                     {"s", 10, Role::activation},
                     {"y", 5, Role::output}};
  problem.operators = {
      {"left", {0}, {1}}, {"right", {0}, {2}}, {"more", {2}, {3}, 4}, {"join", {1, 3}, {4}}};
  return problem;
}

Plan plan_of(const Problem& problem, std::int64_t bytes, SolveOptions options = {}) {
  ThreadPool pool(1);
  return solve(problem, bytes, options, pool);
}

std::int64_t charged(const std::vector<Transfer>& transfers) {
  std::int64_t sum = 0;
  for (const Transfer& each : transfers) sum += each.compulsory ? 0 : each.bytes;
  return sum;
}

std::int64_t compulsory(const std::vector<Transfer>& transfers) {
  std::int64_t sum = 0;
  for (const Transfer& each : transfers) sum += each.compulsory ? each.bytes : 0;
  return sum;
}

TEST(Transfers, AddUpToThePlansSums) {
  const Problem problem = diamond();
  for (const std::int64_t bytes : {25, 27, 34}) {
    const Plan plan = plan_of(problem, bytes);
    EXPECT_EQ(charged(transfers(problem, plan)), plan.traffic_bytes) << bytes;
    EXPECT_EQ(compulsory(transfers(problem, plan)), plan.compulsory_bytes) << bytes;
  }
}

TEST(Transfers, OperatorsNeedWhatTheyTouch) {
  Problem problem = diamond();
  EXPECT_EQ(needed_bytes(problem), (std::vector<std::int64_t>{20, 20, 24, 25}));
  problem.operators[2].in_place = {{3, 2}};
  EXPECT_EQ(needed_bytes(problem)[2], 14);
}

TEST(PlanMap, SaysWhyATensorCameAndLeft) {
  const Problem problem = diamond();
  const Plan plan = plan_of(problem, 25);
  const report::MemoryMap map = map_of(problem, plan, "diamond", {{"M_P", 30}});
  EXPECT_EQ(map.capacity, 25);
  EXPECT_EQ(map.end, 4);
  EXPECT_EQ(map.boxes.size(), plan.residencies.size() + 1);  // and the workspace
  EXPECT_EQ(map.boxes.back().kind, report::BoxKind::workspace);
  std::string all;
  for (const report::MapBox& box : map.boxes)
    all += map.things[std::max(0, box.thing)] + ": " + box.text + "\n";
  for (const char* part :
       {"x: input, 10 B at ", "first load, compulsory, for ", "made by left", "loaded again for ",
        " B of traffic", "to make room", "needed again at step ",
        "then not needed, stored as an output", "then not needed\n"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  EXPECT_EQ(map.lines.front().name, "M");
  EXPECT_EQ(map.steps.size(), 4u);
}

TEST(PlanMap, TheDemandIsWhatNothingLeavingWouldTake) {
  const Problem problem = diamond();
  const Plan plan = plan_of(problem, 34);
  ASSERT_EQ(plan.traffic_bytes, 0);
  const report::MemoryMap map = map_of(problem, plan, "", {});
  // Without traffic nothing ever leaves: what is taken is the demand.
  std::vector<std::int64_t> taken(4);
  for (const auto& [step, bytes] : report::taken_bytes(map))
    std::fill(taken.begin() + step, taken.end(), bytes);
  EXPECT_EQ(taken, map.demand);
}

TEST(PlanMap, AResultOverAnInputIsDrawnInItsPlace) {
  Problem problem;
  problem.tensors = {{"x", 8, Role::input}, {"a", 8, Role::activation}, {"y", 8, Role::output}};
  problem.operators = {{"f", {0}, {1}}, {"g", {1}, {2}, 0, {{2, 1}}}};
  const Plan plan = plan_of(problem, 16);
  const report::MemoryMap map = map_of(problem, plan, "", {});
  const auto y = std::find_if(map.boxes.begin(), map.boxes.end(),
                              [](const auto& box) { return box.thing == 2; });
  ASSERT_NE(y, map.boxes.end());
  EXPECT_NE(y->text.find("made by g, over a"), std::string::npos) << y->text;
  EXPECT_EQ(report::taken_bytes(map).back().second, 8);
  EXPECT_EQ(map.demand.back(), 8);
}

TEST(PlanMap, EveryTransferHasItsMark) {
  const Problem problem = diamond();
  const report::MemoryMap map = map_of(problem, plan_of(problem, 25), "", {});
  for (const report::MapTransfer& each : map.transfers) {
    ASSERT_GE(each.box, 0);
    const report::MapBox& box = map.boxes[each.box];
    EXPECT_LE(box.from, each.step);
    EXPECT_GE(box.to, each.step);
  }
}

TEST(PlanMap, DrawsPlacementsToo) {
  const place::Instance instance{{"a", "b", "never"}, {{4, 0, 3}, {4, 3, 9}, {4, 5, 5}}};
  const report::MemoryMap map = map_of(instance, {0, 4, 0}, 8, "two");
  EXPECT_EQ(map.boxes.size(), 2u);
  EXPECT_EQ(map.end, 9);
  EXPECT_EQ(map.boxes[1].to, 8);
  report::memory_map_svg(map_of(place::Instance{}, {}, 8, "none"));  // an empty picture is one too
  const place::Instance far{{"a"}, {{4, INT32_MIN, INT32_MAX}}};
  EXPECT_LT(report::memory_map_svg(map_of(far, {0}, 8, "far")).size(), 30'000u);
}

PlanPage page_of(const Problem& problem, const Plan& plan, const SolveOptions& options) {
  ThreadPool pool(1);
  PlanPage page;
  page.problem = &problem;
  page.plan = &plan;
  page.network = "diamond";
  page.status = "optimal (test)";
  page.sizes = scratchpad_sizes(problem, options, pool);
  page.default_belady = default_belady(problem, plan.scratchpad_bytes);
  page.baselines = baselines(problem, page.sizes->peak_order, plan.scratchpad_bytes,
                             {options.alignment, options.costs});
  return page;
}

TEST(PlanPage, ShowsTheFigures) {
  const Problem problem = diamond();
  const Plan plan = plan_of(problem, 25);
  PlanPage page = page_of(problem, plan, {});
  page.device.emplace();
  page.device->name = "chip";
  page.device->bandwidth_bytes_per_s = page.device->operations_per_s = 1e6;
  page.sweep = {{25,
                 Status::optimal,
                 20,
                 20,
                 {Measure::traffic_bytes, 20, 20, ""},
                 {{"default-belady", 30, 30}}},
                {27,
                 Status::feasible,
                 20,
                 10,
                 {Measure::traffic_bytes, 20, 10, ""},
                 {{"default-belady", std::nullopt, 0}}}};
  page.executed = {true, "with hash kernels"};
  const std::string text = plan_page(page);
  for (const char* part :
       {"bit-equal", "with hash kernels", "diamond in 25 B", "proven optimal", "default-belady",
        "minpeak-greedy", "On the device chip", "Energy", "Traffic against scratchpad size",
        "not proven: at least 10 B", "Every load and store beyond the compulsory",
        "largest tensors", "M_R = 25 B"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(PlanPage, LeavesOutWhatIsNotKnown) {
  const Problem problem = diamond();
  const Plan plan = plan_of(problem, 34);
  PlanPage page = page_of(problem, plan, {});
  page.baselines.clear();
  page.default_belady.reset();
  page.sizes.reset();
  const std::string text = plan_page(page);
  for (const char* part :
       {"On the device", "Traffic against", "Every load and store beyond", "beside simple methods"})
    EXPECT_EQ(text.find(part), std::string::npos) << part;
}

TEST(PlanPage, ShowsWhichWeightsStayFromFrameToFrame) {
  Problem problem = diamond();
  problem.tensors.push_back({"w", 3, Role::weight});
  problem.operators[3].inputs.push_back(5);
  ThreadPool pool(1);
  const Plan plan = solve_steady(problem, 40, {}, pool);
  ASSERT_TRUE(plan.frame.has_value());
  ASSERT_EQ(plan.frame->pinned, std::vector<TensorId>{5});
  const report::MemoryMap map = map_of(problem, plan, "", {});
  const auto w = std::find_if(map.boxes.begin(), map.boxes.end(),
                              [](const auto& box) { return box.thing == 5; });
  ASSERT_NE(w, map.boxes.end());
  EXPECT_NE(w->text.find("stays from frame to frame, never loaded"), std::string::npos) << w->text;
  EXPECT_EQ(map.demand.front(), 23);  // x, l and the weight, long before it is read
  PlanPage page;
  page.problem = &problem;
  page.plan = &plan;
  EXPECT_NE(plan_page(page).find("1 weights, 3 B, stay in the scratchpad"), std::string::npos);
}

TEST(PlanPage, ShowsCostsWhereBytesHavePrices) {
  const Problem problem = diamond();
  SolveOptions options;
  options.costs = {1, 3};
  const Plan plan = plan_of(problem, 25, options);
  const std::string text = plan_page(page_of(problem, plan, options));
  for (const char* part : {"1 per byte loaded, 3 per byte stored", "Cost beyond the compulsory"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(SweepTable, HasAColumnPerBaseline) {
  const std::vector<SweepPoint> points{
      {25,
       Status::optimal,
       20,
       20,
       {Measure::traffic_bytes, 20, 20, ""},
       {{"b", 30, 30}, {"c", std::nullopt, 0}}},
      {30, Status::undecided, 0, 0, {}, {{"b", 0, 0}, {"c", 0, 0}}}};
  const report::Table table = sweep_table(points, false);
  EXPECT_EQ(table.columns.size(), 6u);
  EXPECT_EQ(table.rows[0].cells,
            (std::vector<std::string>{"25", "optimal", "20", "20", "30", "-"}));
  EXPECT_EQ(table.rows[1].cells[2], "-");
  EXPECT_EQ(sweep_chart(points, {}, 25, false).series[0].points.size(), 1u);
}

}  // namespace
}  // namespace pliant::plan
