#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/rng.h"
#include "plan/format/adjacent.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {
namespace {

// x and w -> a -> t -> b -> y, and t again -> c -> z
Problem diamond() {
  Problem problem;
  problem.tensors = {{"x", 100, Role::input},
                     {"w", 7, Role::weight},
                     {"t", 50, Role::activation},
                     {"y", 60, Role::output},
                     {"z \"quoted\"\n", 0, Role::output}};
  problem.operators = {{"a", {0, 1}, {2}, 16}, {"b", {2}, {3}, 0}, {"c", {2, 3}, {4}, 0}};
  return problem;
}

void expect_error(ErrorKind kind, const std::string& part, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what() << "\nlacks: " << part;
  }
}

void expect_invalid(const std::string& part, const std::function<void(Problem&)>& spoil) {
  Problem problem = diamond();
  spoil(problem);
  expect_error(ErrorKind::invalid, part, [&] { validate(problem); });
}

TEST(Problem, SoundOneIsAccepted) { EXPECT_NO_THROW(validate(diamond())); }

TEST(Problem, EachDefectIsNamed) {
  expect_invalid("two tensors are named 'w'", [](Problem& p) { p.tensors[0].name = "w"; });
  expect_invalid("two operators are named 'b'", [](Problem& p) { p.operators[0].name = "b"; });
  expect_invalid("tensor 't' has -1 bytes", [](Problem& p) { p.tensors[2].bytes = -1; });
  expect_invalid("workspace of -5 bytes", [](Problem& p) { p.operators[1].workspace = -5; });
  expect_invalid("operator 'b' names tensor 9 of 5",
                 [](Problem& p) { p.operators[1].inputs = {9}; });
  expect_invalid("operator 'b' names tensor -1 of 5",
                 [](Problem& p) { p.operators[1].outputs = {-1}; });
  expect_invalid("operator 'c' lists tensor 't' twice", [](Problem& p) {
    p.operators[2].inputs = {2, 2};
  });
  expect_invalid("'b' and 'c' both make tensor 'y'",
                 [](Problem& p) { p.operators[2].outputs = {3}; });
  expect_invalid("no operator makes tensor 'y'",
                 [](Problem& p) { p.operators[1].outputs.clear(); });
  expect_invalid("operator 'b' makes 'y', which is an input",
                 [](Problem& p) { p.tensors[3].role = Role::input; });
  expect_invalid("overflows 64 bits",
                 [](Problem& p) { p.tensors[0].bytes = p.tensors[1].bytes = INT64_MAX; });
  expect_invalid("above 4611686018427387904",
                 [](Problem& p) { p.operators[0].workspace = std::int64_t{1} << 62; });
  expect_invalid("'b' is listed before 'a', whose result it reads",
                 [](Problem& p) { std::swap(p.operators[0], p.operators[1]); });
}

// a -> t; b: t -> u, which may be written over t.
Problem in_place() {
  return {{{"x", 5, Role::input}, {"t", 5, Role::activation}, {"u", 5, Role::output}},
          {{"a", {0}, {1}, 0, {{1, 0}}}, {"b", {1}, {2}, 0, {{2, 1}}}}};
}

void expect_invalid_pair(const std::string& part, const std::function<void(Problem&)>& spoil) {
  Problem problem = in_place();
  spoil(problem);
  expect_error(ErrorKind::invalid, part, [&] { validate(problem); });
}

TEST(Problem, ResultsInPlaceAreChecked) {
  EXPECT_NO_THROW(validate(in_place()));
  expect_invalid_pair("'b' has a pair in 'in_place' of tensors that do not exist",
                      [](Problem& p) { p.operators[1].in_place[0].input = 3; });
  expect_invalid_pair("'b' is to write 'u' over 'x', which are not one of its outputs",
                      [](Problem& p) { p.operators[1].in_place[0].input = 0; });
  expect_invalid_pair("'b' is to write 'u' over 't', which differ in size",
                      [](Problem& p) { p.tensors[2].bytes = 4; });
  expect_invalid_pair("one of which is in another pair", [](Problem& p) {
    p.operators[1].in_place.push_back(p.operators[1].in_place[0]);
  });
  expect_invalid_pair("'a' is to write 't' over 'x', but the input may be needed later",
                      [](Problem& p) { p.operators[1].inputs.push_back(0); });
  Problem output = in_place();
  output.tensors[1].role = Role::output;
  expect_error(ErrorKind::invalid, "may be needed later", [&] { validate(output); });
  Problem before = in_place();  // b reads x as well, but always before c, which may write over it
  before.operators[0].in_place.clear();
  before.operators[1].inputs.push_back(0);
  before.tensors.push_back({"v", 5, Role::output});
  before.operators.push_back({"c", {0, 2}, {3}, 0, {{3, 0}}});
  EXPECT_NO_THROW(validate(before));
}

TEST(ProblemJson, HoldsResultsInPlace) {
  const std::string text = problem_to_json(in_place());
  EXPECT_NE(text.find(R"("in_place": [["u", "t"]])"), std::string::npos) << text;
  EXPECT_EQ(problem_from_json(text, "p.json"), in_place());
  EXPECT_EQ(problem_to_json(diamond()).find("in_place"), std::string::npos);
  const auto spoilt = [&](const std::string& part, ErrorKind kind, const std::string& pair) {
    std::string other = text;
    other.replace(other.find(R"(["u", "t"])"), 10, pair);
    expect_error(kind, part, [&] { problem_from_json(other, "p.json"); });
  };
  spoilt("operators[1].in_place[0]: has 1 names", ErrorKind::format, R"(["u"])");
  spoilt("operators[1].in_place[0][1]: there is no tensor named 'v'", ErrorKind::invalid,
         R"(["u", "v"])");
  spoilt("operators[1].in_place[0]: is string, not an array", ErrorKind::format, R"("u")");
}

TEST(Problem, AdjacentInputsAreChecked) {
  Problem sound = diamond();
  sound.operators[0].adjacent = {{1, 0}};
  EXPECT_NO_THROW(validate(sound));
  const std::string text = problem_to_json(sound);
  EXPECT_NE(text.find(R"("adjacent": [["w", "x"]])"), std::string::npos) << text;
  EXPECT_EQ(problem_from_json(text, "p.json"), sound);
  expect_invalid("'c' has a list in 'adjacent' of fewer than two",
                 [](Problem& p) { p.operators[2].adjacent = {{2}}; });
  expect_invalid("with a tensor that it does not read", [](Problem& p) {
    p.operators[2].adjacent = {{2, 0}};
  });
  expect_invalid("two neighbours on one side", [](Problem& p) {
    p.operators[2].adjacent = {{2, 3}, {3, 2}};
  });
  expect_invalid("two neighbours on one side", [](Problem& p) {
    p.operators[2].adjacent = {{2, 2}};
  });
}

TEST(Adjacent, ListsThatShareTensorsBecomeLines) {
  const auto lines = [](std::vector<std::vector<TensorId>> lists) {
    return lines_of({"o", {5, 6, 7, 8, 9}, {}, 0, {}, std::move(lists)});
  };
  using Lines = std::vector<std::vector<TensorId>>;
  EXPECT_EQ(lines({{5, 6}, {5, 6, 7}}), (Lines{{5, 6, 7}}));
  EXPECT_EQ(lines({{7, 8}, {6, 7}}), (Lines{{6, 7, 8}}));
  EXPECT_EQ(lines({{9, 5}, {7, 6}}), (Lines{{7, 6}, {9, 5}}));
  EXPECT_EQ(lines({}), Lines{});
}

TEST(Problem, CycleNamesItsOperatorsInOrder) {
  expect_invalid("'b' -> 'c' -> 'b'", [](Problem& p) { p.operators[1].inputs.push_back(4); });
  expect_invalid("'a' -> 'a'", [](Problem& p) { p.operators[0].inputs.push_back(2); });
}

TEST(ProblemJson, RoundTrips) {
  const std::string text = problem_to_json(diamond());
  EXPECT_EQ(problem_from_json(text, "p.json"), diamond());
  EXPECT_EQ(problem_to_json(problem_from_json(text, "p.json")), text);
  EXPECT_EQ(problem_from_json(problem_to_json(Problem{}), "p.json"), Problem{});
}

TEST(ProblemJson, OperatorsInAnyOrderAreSortedStably) {
  Problem shuffled = diamond();
  // b c a
  std::rotate(shuffled.operators.begin(), shuffled.operators.begin() + 1, shuffled.operators.end());
  EXPECT_EQ(problem_from_json(problem_to_json(shuffled), "p.json"), diamond());
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ProblemJson, MalformedTextIsLocated) {
  const std::string text = problem_to_json(diamond());
  const auto expect = [&](ErrorKind kind, const std::string& part, const std::string& from,
                          const std::string& to) {
    expect_error(kind, part, [&] { problem_from_json(replaced(text, from, to), "p.json"); });
  };
  using enum ErrorKind;
  expect(format, "p.json at byte", "\"bytes\": 100", "\"bytes\": ");
  expect(format, "p.json: tensors[0].bytes: is -100", "100", "-100");
  expect(format, "p.json: tensors[0].bytes: is 1.5", "100", "1.5");
  expect(format, "p.json: tensors[0].bytes: is 1e+300", "100", "1e300");
  expect(format, "p.json: tensors[0].bytes: is 18446744073709551615", "100",
         "18446744073709551615");
  expect(format, "p.json: tensors[0].bytes: is 4611686018427387905", "100", "4611686018427387905");
  expect(format, "p.json: tensors[0].bytes: is boolean, not an integer", "100", "true");
  expect(format, "p.json: tensors[0].bytes: is string, not an integer", "100", "\"100\"");
  expect(format, "p.json: tensors[0]: lacks the field 'bytes'", "\"bytes\": 100, ", "");
  expect(format, "p.json: tensors[0]: unknown field 'byte'", "\"bytes\": 100, ", "\"byte\": 100, ");
  expect(format, "field 'bytes' is given twice", "\"bytes\": 100", "\"bytes\": 100, \"bytes\": 1");
  expect(format, "p.json: tensors[0].role: is 'inputs' (one of: input, weight, activation, output)",
         "\"input\"", "\"inputs\"");
  expect(format, "p.json: tensors[0].name: is number, not a string", "\"x\"", "3");
  expect(format, "p.json: operators[0].inputs: is number, not an array", "[\"x\", \"w\"]", "3");
  expect(format, "p.json: operators[0].workspace: is -16", "16", "-16");
  expect(invalid, "p.json: operators[0].inputs[1]: there is no tensor named 'v'", "\"x\", \"w\"",
         "\"x\", \"v\"");
  expect(format, "nested deeper than 8 levels", "\"bytes\": 100",
         "\"bytes\": " + std::string(100000, '['));
  expect_error(format, "p.json: is array, not an object",
               [] { problem_from_json("[]", "p.json"); });
  expect_error(format, "p.json at byte", [] { problem_from_json("", "p.json"); });
  expect_error(invalid, "operators wait for each other: 'o' -> 'o'", [] {
    problem_from_json(R"({"tensors":[{"name":"t","bytes":1,"role":"output"}],
                          "operators":[{"name":"o","inputs":["t"],"outputs":["t"]}]})",
                      "p.json");
  });
}

Plan spilled_plan() {  // t leaves between a and c
  Plan plan;
  plan.scratchpad_bytes = 1000;
  plan.order = {0, 1, 2};
  plan.workspaces = {200, 0, 0};
  plan.residencies = {{0, 0, 0, 0}, {1, 0, 0, 100}, {2, 0, 1, 120},
                      {3, 1, 2, 0}, {2, 2, 2, 60},  {4, 2, 2, 0}};
  plan.bound_origin = "search";
  return plan;
}

TEST(PlanJson, RoundTrips) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  plan.status = Status::optimal;
  const std::string text = plan_to_json(diamond(), plan);
  EXPECT_EQ(plan_from_json(diamond(), text, "plan.json"), plan);
  EXPECT_EQ(plan_to_json(diamond(), plan_from_json(diamond(), text, "plan.json")), text);
}

TEST(PlanJson, RandomPlansRoundTrip) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    Plan plan;
    plan.scratchpad_bytes = rng.below(std::int64_t{1} << 62);
    plan.alignment = rng.between(1, 64);
    for (int i = 0; i < 5; ++i) {
      plan.order.push_back(static_cast<OperatorId>(rng.below(3)));
      plan.workspaces.push_back(rng.below(1000));
      plan.residencies.push_back({static_cast<TensorId>(rng.below(5)),
                                  static_cast<Step>(rng.below(100)),
                                  static_cast<Step>(rng.below(100)), rng.below(1 << 30)});
      plan.events.push_back({static_cast<Step>(rng.below(9)), static_cast<Action>(rng.below(3)),
                             static_cast<TensorId>(rng.below(5))});
    }
    plan.status = static_cast<Status>(rng.below(3));
    plan.costs = {rng.below(3), rng.between(1, 3)};
    if (rng.below(2) == 0) plan.frame = {{{1, 3}, rng.below(99), rng.below(99), rng.below(99)}};
    if (priced(plan)) plan.cost = rng.below(1000), plan.lower_bound_cost = rng.below(1000);
    EXPECT_EQ(plan_from_json(diamond(), plan_to_json(diamond(), plan), "plan.json"), plan);
  }
}

TEST(PlanJson, MalformedTextIsLocated) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  const std::string text = plan_to_json(diamond(), plan);
  const auto expect = [&](ErrorKind kind, const std::string& part, const std::string& from,
                          const std::string& to) {
    expect_error(kind, part,
                 [&] { plan_from_json(diamond(), replaced(text, from, to), "plan.json"); });
  };
  using enum ErrorKind;
  expect(format, "plan.json: alignment: is 0", "\"alignment\": 1", "\"alignment\": 0");
  expect(format, "plan.json: scratchpad_bytes: is -1000", "1000", "-1000");
  expect(format, "plan.json: status: is 'best'", "feasible", "best");
  expect(invalid, "plan.json: order[0]: there is no operator named 'd'", "\"a\"", "\"d\"");
  expect(invalid, "plan.json: residencies[0].tensor: there is no tensor named 'q'",
         "\"tensor\": \"x\"", "\"tensor\": \"q\"");
  expect(format, "plan.json: residencies[0].from: is 2147483647", "\"from\": 0",
         "\"from\": 2147483647");
  expect(format, "plan.json: residencies[0]: lacks the field 'to'", "\"to\": 0, ", "");
  expect(format, "plan.json: events[0].action: is 'keep'", "\"load\"", "\"keep\"");
  expect(format, "plan.json: lacks the field 'bound_origin'", "  \"bound_origin\": \"search\",\n",
         "");
}

TEST(PlanJson, CostsAreThereOnlyWhereTheyAreNotTheDefault) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  EXPECT_EQ(plan_to_json(diamond(), plan).find("cost"), std::string::npos);
  plan.costs = {2, 3};
  derive_events(diamond(), plan);
  EXPECT_EQ(plan.cost, 50 * 2 + 50 * 3);
  set_bound(plan, 16);
  EXPECT_EQ(plan.lower_bound_cost, 16);
  EXPECT_EQ(plan.lower_bound_bytes, 6);  // 5 bytes cost at most 15
  const std::string text = plan_to_json(diamond(), plan);
  const auto expect = [&](const std::string& part, const std::string& from, const std::string& to) {
    expect_error(ErrorKind::format, part,
                 [&] { plan_from_json(diamond(), replaced(text, from, to), "plan.json"); });
  };
  expect("plan.json: costs.read: is 1000001", "\"read\": 2", "\"read\": 1000001");
  expect("plan.json: costs: holds the default costs", "\"read\": 2, \"write\": 3",
         "\"read\": 1, \"write\": 1");
  expect("plan.json: has the field 'cost' without 'costs'",
         "\"costs\": {\"read\": 2, \"write\": 3},", "");
  expect("plan.json: lacks the field 'lower_bound_cost'", "  \"lower_bound_cost\": 16,\n", "");
}

TEST(PlanObjective, NamesWhatWasMadeLeast) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  plan.lower_bound_bytes = 40;
  EXPECT_EQ(objective_of(plan),
            (Objective{Measure::traffic_bytes, plan.traffic_bytes, 40, "search"}));
  plan.costs = {2, 3};
  derive_events(diamond(), plan);
  set_bound(plan, 16);
  EXPECT_EQ(objective_of(plan), (Objective{Measure::cost, 50 * 2 + 50 * 3, 16, "search"}));
  plan.second_level.emplace();
  plan.second_level->cost = 7;
  plan.second_level->lower_bound_cost = 7;
  EXPECT_EQ(objective_of(plan), (Objective{Measure::second_level_cost, 7, 7, "search"}));
  EXPECT_TRUE(objective_of(plan).proven());
  plan.second_level.reset();
  plan.frame = {{}, 0, 9, 4};
  EXPECT_EQ(objective_of(plan), (Objective{Measure::frame_cost, 9, 4, "search"}));
}

TEST(PlanJson, TheSteadyStateIsRead) {
  Plan plan = spilled_plan();
  plan.frame.emplace();
  plan.frame->pinned = {1};
  plan.residencies[1].to = 2;
  derive_events(diamond(), plan);
  EXPECT_EQ(plan.frame->bytes, 100 + 100 + 60);
  EXPECT_EQ(plan.frame->cost, 100);  // the weight is not loaded
  plan.frame->pinned = {};
  derive_events(diamond(), plan);
  EXPECT_EQ(plan.frame->cost, 107);
  plan.frame->pinned = {1};
  const std::string text = plan_to_json(diamond(), plan);
  const auto expect = [&](ErrorKind kind, const std::string& part, const std::string& from,
                          const std::string& to) {
    expect_error(kind, part,
                 [&] { plan_from_json(diamond(), replaced(text, from, to), "plan.json"); });
  };
  expect(ErrorKind::invalid, "plan.json: steady_state.pinned[0]: there is no tensor named 'q'",
         "[\"w\"]", "[\"q\"]");
  expect(ErrorKind::format, "plan.json: steady_state.pinned[1]: is repeated", "[\"w\"]",
         "[\"w\", \"w\"]");
  expect(ErrorKind::format, "plan.json: steady_state: unknown field 'frame'", "frame_bytes",
         "frame");
}

TEST(PlanJson, TheSecondLevelIsRead) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  plan.second_level = {64, 1, {{0, 1, 1, 8}}, 20, 5, 25, 5};
  const std::string text = plan_to_json(diamond(), plan);
  EXPECT_EQ(plan_from_json(diamond(), text, "plan.json").second_level, plan.second_level);
  const auto expect = [&](ErrorKind kind, const std::string& part, const std::string& from,
                          const std::string& to) {
    expect_error(kind, part,
                 [&] { plan_from_json(diamond(), replaced(text, from, to), "plan.json"); });
  };
  expect(ErrorKind::format, "plan.json: second_level.bytes", "{\"bytes\": 64", "{\"bytes\": 0");
  expect(ErrorKind::format, "plan.json: second_level.price", "\"price\": 1", "\"price\": -1");
  expect(ErrorKind::format, "plan.json: second_level: unknown field 'moved'", "moved_bytes",
         "moved");
}

TEST(DeriveEvents, GivesLoadsStoresDropsAndBothSums) {
  Plan plan = spilled_plan();
  derive_events(diamond(), plan);
  using enum Action;
  const std::vector<Event> expected = {{0, load, 0},  {0, load, 1},  {0, drop, 0}, {0, drop, 1},
                                       {1, store, 2}, {1, store, 3}, {1, drop, 2}, {2, load, 2},
                                       {2, store, 4}, {2, drop, 2},  {2, drop, 3}, {2, drop, 4}};
  EXPECT_EQ(plan.events, expected);
  EXPECT_EQ(plan.traffic_bytes, 50 + 50);
  EXPECT_EQ(plan.compulsory_bytes, 100 + 7 + 60 + 0);
}

TEST(DeriveEvents, SecondLoadOfAWeightIsCharged) {
  Plan plan = spilled_plan();
  plan.residencies.push_back({1, 2, 2, 300});
  derive_events(diamond(), plan);
  EXPECT_EQ(plan.traffic_bytes, 100 + 7);
}

TEST(DeriveEvents, IdsOutOfRangeAreErrors) {
  for (const auto& spoil : std::vector<std::function<void(Plan&)>>{
           [](Plan& p) { p.order[0] = 3; }, [](Plan& p) { p.residencies[0].tensor = 5; },
           [](Plan& p) { p.residencies[0].from = -1; }, [](Plan& p) { p.residencies[0].to = 3; }}) {
    Plan plan = spilled_plan();
    spoil(plan);
    expect_error(ErrorKind::invalid, "is not below", [&] { derive_events(diamond(), plan); });
  }
}

}  // namespace
}  // namespace pliant::plan
