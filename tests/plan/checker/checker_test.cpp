#include "plan/checker/checker.h"

#include <gtest/gtest.h>

#include <functional>

namespace pliant::checker {
namespace {

// x -> a -> t -> b -> y and (t, y) -> c -> z; t leaves between a and c. Every size is 10 but z's.
Network network() {
  Network net;
  net.tensors = {{"x", 10, Role::input},
                 {"t", 10, Role::activation},
                 {"u", 10, Role::activation},
                 {"y", 10, Role::output},
                 {"z", 5, Role::output}};
  net.operators = {
      {"a", {0}, {1}, 3}, {"b", {0}, {2}, 0}, {"c", {2}, {3}, 0}, {"d", {1, 3}, {4}, 0}};
  return net;
}

Claim claim() {
  using enum Action;
  Claim plan;
  plan.scratchpad_bytes = 25;
  plan.order = {0, 1, 2, 3};
  plan.residencies = {{0, 0, 1, 0}, {1, 0, 0, 10}, {2, 1, 2, 10},
                      {3, 2, 3, 0}, {1, 3, 3, 10}, {4, 3, 3, 20}};
  plan.events = {{0, load, 0},  {0, store, 1}, {0, drop, 1}, {1, drop, 0},
                 {2, store, 3}, {2, drop, 2},  {3, load, 1}, {3, store, 4},
                 {3, drop, 1},  {3, drop, 3},  {3, drop, 4}};
  plan.workspaces = {20, 0, 0, 0};
  plan.status = Status::optimal;
  plan.traffic_bytes = plan.lower_bound_bytes = 20;
  plan.compulsory_bytes = 25;
  plan.bound_origin = "worked out by hand";
  return plan;
}

void expect_rejected(const std::string& part, const std::function<void(Network&, Claim&)>& spoil) {
  Network net = network();
  Claim plan = claim();
  spoil(net, plan);
  const Verdict verdict = check(net, plan);
  EXPECT_FALSE(verdict.accepted) << part;
  EXPECT_NE(verdict.reason.find(part), std::string::npos) << verdict.reason << "\nlacks: " << part;
}

void expect_rejected(const std::string& part, const std::function<void(Claim&)>& spoil) {
  expect_rejected(part, [&](Network&, Claim& plan) { spoil(plan); });
}

// t spends its absence, steps 1 to 3, in a second memory.
Claim with_second_level() {
  Claim plan = claim();
  plan.second_level = {10, 0, {{1, 1, 3, 0}}, 20, 0, 0, 0};
  return plan;
}

TEST(Checker, AcceptsASecondLevel) {
  const Verdict verdict = check(network(), with_second_level());
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.off_chip_bytes, 0);
}

TEST(Checker, RejectsAWrongSecondLevel) {
  const auto rejects = [](const std::string& part,
                          const std::function<void(Claim&, Claim::SecondLevel&)>& spoil) {
    Claim plan = with_second_level();
    spoil(plan, *plan.second_level);
    const Verdict verdict = check(network(), plan);
    EXPECT_FALSE(verdict.accepted) << part;
    EXPECT_NE(verdict.reason.find(part), std::string::npos)
        << verdict.reason << "\nlacks: " << part;
  };
  using Level = Claim::SecondLevel;
  rejects("the second level has 0 bytes", [](Claim&, Level& level) { level.bytes = 0; });
  rejects("the second level costs 2 per byte", [](Claim&, Level& level) { level.price = 2; });
  rejects("the second level costs -1 per byte", [](Claim&, Level& level) { level.price = -1; });
  rejects("the second level holds tensor 9 of 5",
          [](Claim&, Level& level) { level.residencies[0].tensor = 9; });
  rejects("which is no absence", [](Claim&, Level& level) { level.residencies[0].from = 2; });
  rejects("which is no absence", [](Claim&, Level& level) { level.residencies[0].to = 2; });
  rejects("which is no absence", [](Claim&, Level& level) { level.residencies[0].tensor = 2; });
  rejects("not inside the second level",
          [](Claim&, Level& level) { level.residencies[0].address = 1; });
  rejects("not inside the second level",
          [](Claim&, Level& level) { level.residencies[0].address = -1; });
  rejects("not inside the second level", [](Claim&, Level& level) { level.bytes = 9; });
  rejects("not aligned to 5", [](Claim& plan, Level& level) {
    plan.alignment = 5;
    level.bytes = 12;
    level.residencies[0].address = 2;
  });
  rejects("is in the second level twice",
          [](Claim&, Level& level) { level.residencies.push_back(level.residencies[0]); });
  rejects("claims to move 10 bytes", [](Claim&, Level& level) { level.moved_bytes = 10; });
  rejects("claims 10 bytes of traffic off chip",
          [](Claim&, Level& level) { level.off_chip_bytes = 10; });
  rejects("claims a cost of 1 with", [](Claim&, Level& level) { level.cost = 1; });
  rejects("it is 20", [](Claim&, Level& level) { level.price = 1; });
  rejects("claims a lower bound of 1", [](Claim&, Level& level) { level.lower_bound_cost = 1; });
  rejects("claims to be optimal", [](Claim&, Level& level) {
    level = {10, 1, {{1, 1, 3, 0}}, 20, 0, 20, 0};
  });
  rejects("in the steady state", [](Claim& plan, Level&) {
    plan.frame = {{}, 45, 20, 0}, plan.status = Status::feasible;
  });
}

// t leaves twice and u once; only with all of its absences may t stay on chip.
TEST(Checker, WantsAllAbsencesOfAnActivationOrNone) {
  using enum Action;
  Network net;
  net.tensors = {{"t", 4, Role::activation},
                 {"u", 4, Role::activation},
                 {"y", 1, Role::output},
                 {"z", 1, Role::output}};
  net.operators = {{"a", {}, {0}, 0},
                   {"b", {}, {1}, 4},
                   {"c", {0}, {2}, 0},
                   {"d", {}, {}, 8},
                   {"e", {0, 1}, {3}, 0}};
  Claim plan;
  plan.scratchpad_bytes = 9;
  plan.order = {0, 1, 2, 3, 4};
  plan.residencies = {{0, 0, 0, 0}, {1, 1, 1, 0}, {0, 2, 2, 0}, {2, 2, 2, 4},
                      {0, 4, 4, 0}, {1, 4, 4, 4}, {3, 4, 4, 8}};
  plan.events = {{0, store, 0}, {0, drop, 0}, {1, store, 1}, {1, drop, 1}, {2, load, 0},
                 {2, store, 2}, {2, drop, 0}, {2, drop, 2},  {4, load, 0}, {4, load, 1},
                 {4, store, 3}, {4, drop, 0}, {4, drop, 1},  {4, drop, 3}};
  plan.workspaces = {0, 4, 0, 0, 0};
  plan.traffic_bytes = 20;
  plan.compulsory_bytes = 2;
  plan.second_level = {8, 0, {{0, 1, 2, 0}, {1, 2, 4, 4}, {0, 3, 4, 0}}, 24, 0, 0, 0};
  EXPECT_TRUE(check(net, plan).accepted) << check(net, plan).reason;
  const auto reason = [&](std::vector<Claim::Residency> absences) {
    Claim spoilt = plan;
    spoilt.second_level->residencies = std::move(absences);
    return check(net, spoilt).reason;
  };
  const std::string part = reason({{0, 1, 2, 0}, {1, 2, 4, 4}});
  EXPECT_NE(part.find("'t' spends 1 of its 2 absences"), std::string::npos) << part;
  // t comes back at step 2, u is there
  const std::string over = reason({{0, 1, 2, 0}, {1, 2, 4, 0}, {0, 3, 4, 4}});
  EXPECT_NE(over.find("overlap in the second level"), std::string::npos) << over;
}

TEST(Checker, AcceptsAPlanMadeByHand) {
  const Verdict verdict = check(network(), claim());
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.traffic_bytes, 20);
  EXPECT_EQ(verdict.compulsory_bytes, 25);
  EXPECT_EQ(verdict.necessary_bytes, 25);
}

TEST(Checker, AcceptsAnOutputStoredAtAnyStepOfItsResidency) {
  Claim plan = claim();
  plan.events = {{0, Action::load, 0},  {0, Action::store, 1}, {0, Action::drop, 1},
                 {1, Action::drop, 0},  {2, Action::drop, 2},  {3, Action::load, 1},
                 {3, Action::store, 3}, {3, Action::store, 4}, {3, Action::drop, 1},
                 {3, Action::drop, 3},  {3, Action::drop, 4}};
  EXPECT_TRUE(check(network(), plan).accepted) << check(network(), plan).reason;
}

TEST(Checker, AcceptsInfeasibleOnlyWhenOneOperatorIsTooLarge) {
  Claim plan;
  plan.status = Status::infeasible;
  plan.scratchpad_bytes = 24;
  EXPECT_TRUE(check(network(), plan).accepted);
  plan.scratchpad_bytes = 25;
  EXPECT_NE(check(network(), plan).reason.find("cannot be confirmed"), std::string::npos);
  expect_rejected("claims to be infeasible, but holds a plan", [](Claim& p) {
    p.status = Status::infeasible;
    p.scratchpad_bytes = 24;
  });
}

TEST(Checker, RejectsUndecidedForThereIsNoPlan) {
  expect_rejected("the status is undecided: no plan is claimed",
                  [](Claim& p) { p.status = Status::undecided; });
  Claim plan;
  plan.status = Status::undecided;
  EXPECT_NE(check(network(), plan).reason.find("no plan is claimed"), std::string::npos);
}

TEST(Checker, RejectsWrongOrders) {
  expect_rejected("the order has 3 steps, the network 4 operators",
                  [](Claim& p) { p.order.pop_back(); });
  expect_rejected("step 1: operator 'a' runs twice", [](Claim& p) { p.order[1] = 0; });
  expect_rejected("step 1: operator 4 of 4", [](Claim& p) { p.order[1] = 4; });
  expect_rejected("step 1: operator -1 of 4", [](Claim& p) { p.order[1] = -1; });
  expect_rejected("step 1: operator 'c' reads 'u', which is made later",
                  [](Claim& p) { std::swap(p.order[1], p.order[2]); });
}

TEST(Checker, RejectsWrongAddresses) {
  expect_rejected("step 3: 'z' at address 21 with 5 bytes is not inside the scratchpad of 25 bytes",
                  [](Claim& p) { p.residencies[5].address = 21; });
  expect_rejected("'x' at address -1", [](Claim& p) { p.residencies[0].address = -1; });
  expect_rejected("at address 9223372036854775807",
                  [](Claim& p) { p.residencies[0].address = INT64_MAX; });
  expect_rejected("step 0: 't' at [9, 19) and 'x' at [0, 10) overlap",
                  [](Claim& p) { p.residencies[1].address = 9; });
  expect_rejected("step 1: 'u' at [1, 11) and 'x' at [0, 10) overlap",
                  [](Claim& p) { p.residencies[2].address = 1; });
  expect_rejected("the workspace of 'a' at [19, 22) and 't' at [10, 20) overlap",
                  [](Claim& p) { p.workspaces[0] = 19; });
  expect_rejected("the workspace of 'a' at address 23", [](Claim& p) { p.workspaces[0] = 23; });
  expect_rejected("3 workspace addresses for 4 steps", [](Claim& p) { p.workspaces.pop_back(); });
  expect_rejected("is not aligned to 4", [](Claim& p) { p.alignment = 4; });
  expect_rejected("the alignment is 0", [](Claim& p) { p.alignment = 0; });
  expect_rejected("operator 'd' alone needs 25 bytes, the scratchpad has 24",
                  [](Claim& p) { p.scratchpad_bytes = 24; });
  expect_rejected("the scratchpad has -5 bytes", [](Claim& p) { p.scratchpad_bytes = -5; });
}

TEST(Checker, RejectsWrongResidencies) {
  expect_rejected("step 1: operator 'b' reads 'x', which is not resident",
                  [](Claim& p) { p.residencies[0].to = 0; });
  expect_rejected("step 3: operator 'd' makes 'z', which has no address",
                  [](Claim& p) { p.residencies.pop_back(); });
  expect_rejected("step 0: 'y' is resident, but is made at step 2",
                  [](Claim& p) { p.residencies[3].from = 0; });
  expect_rejected("'x' is resident from step 0 to 4 of 4 steps",
                  [](Claim& p) { p.residencies[0].to = 4; });
  expect_rejected("'x' is resident from step 1 to 0 of 4 steps", [](Claim& p) {
    p.residencies[0] = {0, 1, 0, 0};
  });
  expect_rejected("a residency names tensor 5 of 5", [](Claim& p) { p.residencies[0].tensor = 5; });
  expect_rejected("step 1: 'x' is resident twice", [](Claim& p) {
    p.residencies.push_back({0, 1, 1, 0});
  });
}

void erase_event(Claim& plan, std::size_t index) { plan.events.erase(plan.events.begin() + index); }

TEST(Checker, RejectsWrongEvents) {
  using enum Action;
  expect_rejected("'x' has 1 residencies that need a load, but 0 loads",
                  [](Claim& p) { erase_event(p, 0); });
  expect_rejected("step 0: 't' is dropped without a copy, but is needed later",
                  [](Claim& p) { erase_event(p, 1); });
  expect_rejected("'t' has 2 residencies, but 1 drops", [](Claim& p) { erase_event(p, 2); });
  expect_rejected("step 3: 'y' is dropped without a copy", [](Claim& p) { erase_event(p, 4); });
  expect_rejected("step 3: 'y' is stored again, after step 2", [](Claim& p) {
    p.events.insert(p.events.begin() + 7, {3, store, 3});
  });
  expect_rejected("repeated or out of order",
                  [](Claim& p) { p.events.insert(p.events.begin() + 4, p.events[4]); });
  expect_rejected("repeated or out of order",
                  [](Claim& p) { std::swap(p.events[0], p.events[1]); });
  expect_rejected("step 0: 'x' is stored, but is given", [](Claim& p) {
    p.events[1] = {0, store, 0};
  });
  expect_rejected("step 0: 'u' is stored, but is not resident", [](Claim& p) {
    p.events[1] = {0, store, 2};
  });
  expect_rejected("step 0: 't' is loaded at the step that makes it", [](Claim& p) {
    p.events.insert(p.events.begin() + 1, {0, load, 1});
  });
  expect_rejected("step 1: 'x' is loaded, but no residency starts", [](Claim& p) {
    p.events.insert(p.events.begin() + 3, {1, load, 0});
  });
  expect_rejected("step 0: 'x' is dropped, but no residency ends", [](Claim& p) {
    p.events.insert(p.events.begin() + 2, {0, drop, 0});
  });
  expect_rejected("an event names tensor -1 of 5", [](Claim& p) { p.events[0].tensor = -1; });
  expect_rejected("'x' has an event at step 9 of 4", [](Claim& p) { p.events[0].step = 9; });
}

TEST(Checker, RejectsALoadWithoutACopyAndOneTooSoonAfterTheStore) {
  // u is split into two residencies that touch
  expect_rejected("step 2: 'u' is loaded at the step after its store at step 1", [](Claim& p) {
    p.residencies[2].to = 1;
    p.residencies.push_back({2, 2, 2, 10});
    p.events.insert(p.events.begin() + 3, {1, Action::store, 2});
    p.events.insert(p.events.begin() + 5, {1, Action::drop, 2});
    p.events.insert(p.events.begin() + 6, {2, Action::load, 2});
  });
  expect_rejected("step 2: 'u' is loaded, but has no copy off chip", [](Claim& p) {
    p.residencies[2].to = 1;
    p.residencies.push_back({2, 2, 2, 10});
    p.events.insert(p.events.begin() + 4, {2, Action::load, 2});
  });
}

TEST(Checker, RejectsAnActivationThatStaysAfterItsStore) {
  expect_rejected("step 1: 'u' is stored to make room, but stays until step 2", [](Claim& p) {
    p.events.insert(p.events.begin() + 3, {1, Action::store, 2});
  });
}

TEST(Checker, RejectsWrongFigures) {
  expect_rejected("claims 19 bytes of traffic, the events move 20",
                  [](Claim& p) { p.traffic_bytes = 19; });
  expect_rejected("claims 24 compulsory bytes, the events move 25",
                  [](Claim& p) { p.compulsory_bytes = 24; });
  expect_rejected("claims a lower bound of 21 bytes, above its traffic of 20",
                  [](Claim& p) { p.lower_bound_bytes = 21; });
  expect_rejected("claims a lower bound of -1 bytes", [](Claim& p) { p.lower_bound_bytes = -1; });
  expect_rejected("its lower bound is 19 and its traffic 20",
                  [](Claim& p) { p.lower_bound_bytes = 19; });
  expect_rejected("does not say where its bound comes from",
                  [](Claim& p) { p.bound_origin.clear(); });
}

Claim priced_claim() {
  Claim plan = claim();
  plan.prices = {{2, 3, -1, 50, 50}};
  plan.lower_bound_bytes = 17;
  return plan;
}

TEST(Checker, PricesTheBytes) {
  const Verdict verdict = check(network(), priced_claim());
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.cost, 50);
  EXPECT_FALSE(check(network(), claim()).cost);
  const auto rejected = [](const std::string& part, const std::function<void(Claim&)>& spoil) {
    Claim plan = priced_claim();
    spoil(plan);
    EXPECT_NE(check(network(), plan).reason.find(part), std::string::npos)
        << check(network(), plan).reason;
  };
  rejected("claims to cost 49, the events cost 50", [](Claim& p) { p.prices->cost = 49; });
  rejected("claims to cost 50, the events cost 60", [](Claim& p) { p.prices->write = 4; });
  rejected("claims a lower bound of 51 on its cost of 50",
           [](Claim& p) { p.prices->lower_bound_cost = 51; });
  rejected("claims a lower bound of -1 on its cost",
           [](Claim& p) { p.prices->lower_bound_cost = -1; });
  rejected("its lower bound is 40 and its cost 50",
           [](Claim& p) { p.prices->lower_bound_cost = 40; });
  rejected("the prices of a byte are -2 and 3", [](Claim& p) { p.prices->read = -2; });
  rejected("the prices of a byte are 0 and 0",
           [](Claim& p) { p.prices->read = p.prices->write = 0; });
  rejected("a cost overflows 64 bits", [](Claim& p) { p.prices->read = INT64_MAX; });
}

// x and w -> f -> t, t and v -> g -> y; w stays, v is loaded in each frame.
Network weighted_network() {
  Network net;
  net.tensors = {{"x", 4, Role::input},
                 {"w", 6, Role::weight},
                 {"t", 4, Role::activation},
                 {"v", 5, Role::weight},
                 {"y", 4, Role::output}};
  net.operators = {{"f", {0, 1}, {2}, 0}, {"g", {2, 3}, {4}, 0}};
  return net;
}

Claim frame_claim() {
  using enum Action;
  Claim plan;
  plan.scratchpad_bytes = 20;
  plan.order = {0, 1};
  plan.residencies = {{0, 0, 0, 6}, {1, 0, 1, 0}, {2, 0, 1, 10}, {3, 1, 1, 14}, {4, 1, 1, 6}};
  plan.events = {{0, load, 0}, {0, drop, 0}, {1, load, 3}, {1, store, 4},
                 {1, drop, 2}, {1, drop, 3}, {1, drop, 4}};
  plan.workspaces = {0, 0};
  plan.status = Status::optimal;
  plan.compulsory_bytes = 13;
  plan.bound_origin = "worked out by hand";
  plan.frame = {{{1}, 13, 5, 5}};
  return plan;
}

TEST(Checker, ChecksAFrameOfTheSteadyState) {
  const Verdict verdict = check(weighted_network(), frame_claim());
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.frame_bytes, 13);
  const auto rejected = [](const std::string& part,
                           const std::function<void(Network&, Claim&)>& spoil) {
    Network net = weighted_network();
    Claim plan = frame_claim();
    spoil(net, plan);
    EXPECT_NE(check(net, plan).reason.find(part), std::string::npos) << check(net, plan).reason;
  };
  rejected("claims to move 12 bytes in a frame, the events move 13",
           [](Network&, Claim& p) { p.frame->bytes = 12; });
  rejected("claims a cost of 4 for a frame, the events cost 5",
           [](Network&, Claim& p) { p.frame->cost = 4; });
  rejected("claims a lower bound of 6 on its frame cost of 5",
           [](Network&, Claim& p) { p.frame->lower_bound_cost = 6; });
  rejected("its lower bound is 4 and its frame cost 5",
           [](Network&, Claim& p) { p.frame->lower_bound_cost = 4; });
  rejected("'w' is pinned, but is not resident at all steps",
           [](Network&, Claim& p) { p.residencies[1].to = 0; });
  rejected("'x' is pinned, but is no weight", [](Network&, Claim& p) { p.frame->pinned = {0}; });
  rejected("a pinned tensor is 9 of 5", [](Network&, Claim& p) { p.frame->pinned = {9}; });
  rejected("'w' is pinned twice", [](Network&, Claim& p) { p.frame->pinned = {1, 1}; });
  rejected("'w' has 1 residencies that need a load, but 0 loads",
           [](Network&, Claim& p) { p.frame->pinned = {}; });
  rejected("'w' is loaded, but is pinned", [](Network&, Claim& p) {
    p.events.insert(p.events.begin() + 1, {0, Action::load, 1});
  });
  rejected("'w' is dropped, but is pinned", [](Network&, Claim& p) {
    p.events.insert(p.events.begin() + 4, {1, Action::drop, 1});
  });
  rejected("overlap", [](Network&, Claim& p) { p.residencies[4].address = 5; });
  rejected("'w' is pinned, but is written over", [](Network& n, Claim& p) {
    n.tensors[4].bytes = 6;
    n.operators[1].inputs.push_back(1);
    n.operators[1].in_place = {{4, 1}};
    p.residencies[4].address = 0;
    p.scratchpad_bytes = 30;
  });
}

// u is moved from [10, 20) to [12, 22) after it was made: over its own source.
Claim moving_claim() {
  Claim plan = claim();
  plan.prices = {{1, 1, 2, 40, 20}};
  plan.status = Status::feasible;
  plan.residencies[2].to = 1;
  plan.residencies.push_back({2, 2, 2, 12});
  plan.events.insert(plan.events.begin() + 4, {2, Action::move, 2});
  return plan;
}

TEST(Checker, ReplaysMoves) {
  EXPECT_TRUE(check(network(), moving_claim()).accepted) << check(network(), moving_claim()).reason;
  EXPECT_EQ(check(network(), moving_claim()).cost, 40);
  const auto rejected = [](const std::string& part, const std::function<void(Claim&)>& spoil) {
    Claim plan = moving_claim();
    spoil(plan);
    EXPECT_NE(check(network(), plan).reason.find(part), std::string::npos)
        << check(network(), plan).reason;
  };
  rejected("step 2: 'u' is moved, but moves have no price", [](Claim& p) { p.prices->move = -1; });
  rejected("claims to cost 40, the events cost 50", [](Claim& p) { p.prices->move = 3; });
  rejected("step 2: 'u' is moved, but no residency follows another", [](Claim& p) {
    p.residencies[2].to = 2;
    p.residencies.pop_back();
  });
  rejected("'u' has 1 residencies that need a load, but 0 loads",
           [](Claim& p) { erase_event(p, 4); });
  rejected("step 1: 'u' is dropped without a copy", [](Claim& p) {
    p.events.insert(p.events.begin() + 4, {1, Action::drop, 2});
  });
  rejected("step 2: 'u' is moved, but was stored to make room", [](Claim& p) {
    p.events.insert(p.events.begin() + 3, {1, Action::store, 2});
  });
  rejected("step 2: 'u' is moved and loaded", [](Claim& p) {
    p.events.insert(p.events.begin() + 5, {2, Action::load, 2});
  });
  rejected("overlap", [](Claim& p) {
    p.events.insert(p.events.begin() + 5, {2, Action::move, 2});
  });
  rejected("is not inside", [](Claim& p) { p.residencies.back().address = 16; });
}

TEST(Checker, RejectsBrokenNetworks) {
  const auto broken = [](const std::string& part, const std::function<void(Network&)>& spoil) {
    expect_rejected(part, [&](Network& net, Claim&) { spoil(net); });
  };
  broken("tensor 'x' has -1 bytes", [](Network& n) { n.tensors[0].bytes = -1; });
  broken("operator 'a' has a workspace of -3 bytes",
         [](Network& n) { n.operators[0].workspace = -3; });
  broken("operator 'a' names tensor 7 of 5", [](Network& n) { n.operators[0].inputs[0] = 7; });
  broken("operator 'd' lists 't' twice", [](Network& n) { n.operators[3].inputs[1] = 1; });
  broken("operator 'a' makes 't', which is given",
         [](Network& n) { n.tensors[1].role = Role::weight; });
  broken("two operators make 't'", [](Network& n) { n.operators[1].outputs = {1}; });
  broken("no operator makes 'z'", [](Network& n) { n.operators[3].outputs.clear(); });
  broken("a sum of bytes overflows 64 bits",
         [](Network& n) { n.tensors[0].bytes = n.tensors[1].bytes = INT64_MAX; });
}

// a: x -> t; b: t -> y, written over t. At 20 bytes x and t, then t alone.
Network in_place_network() {
  Network net;
  net.tensors = {{"x", 10, Role::input}, {"t", 10, Role::activation}, {"y", 10, Role::output}};
  net.operators = {{"a", {0}, {1}, 0}, {"b", {1}, {2}, 0, {{2, 1}}}};
  return net;
}

Claim in_place_claim() {
  using enum Action;
  Claim plan;
  plan.scratchpad_bytes = 20;
  plan.order = {0, 1};
  plan.residencies = {{0, 0, 0, 0}, {1, 0, 1, 10}, {2, 1, 1, 10}};
  plan.events = {{0, load, 0}, {0, drop, 0}, {1, store, 2}, {1, drop, 1}, {1, drop, 2}};
  plan.workspaces = {0, 0};
  plan.compulsory_bytes = 20;
  return plan;
}

void expect_in_place_rejected(const std::string& part,
                              const std::function<void(Network&, Claim&)>& spoil) {
  Network net = in_place_network();
  Claim plan = in_place_claim();
  spoil(net, plan);
  const Verdict verdict = check(net, plan);
  EXPECT_FALSE(verdict.accepted) << part;
  EXPECT_NE(verdict.reason.find(part), std::string::npos) << verdict.reason << "\nlacks: " << part;
}

TEST(Checker, AcceptsAResultOverTheInputThatThePermittedPairNames) {
  EXPECT_TRUE(check(in_place_network(), in_place_claim()).accepted);
  Claim apart = in_place_claim();
  apart.residencies[2].address = 0;
  EXPECT_TRUE(check(in_place_network(), apart).accepted);
  Network smaller = in_place_network();  // b alone needs 10 bytes, for its result lies over t
  smaller.operators[0].in_place = {{1, 0}};
  EXPECT_EQ(check(smaller, in_place_claim()).necessary_bytes, 10);
}

TEST(Checker, RejectsOverlapsThatNoPairPermits) {
  expect_in_place_rejected("overlap", [](Network& n, Claim&) { n.operators[1].in_place.clear(); });
  expect_in_place_rejected("overlap", [](Network&, Claim& p) { p.residencies[2].address = 5; });
  // t stays beyond the step that writes over it
  expect_in_place_rejected("overlap", [](Network& n, Claim& p) {
    n.tensors.push_back({"z", 0, Role::output});
    n.operators.push_back({"c", {1, 2}, {3}, 0});
    p.order.push_back(2);
    p.workspaces.push_back(0);
    p.residencies = {{0, 0, 0, 0}, {1, 0, 2, 10}, {2, 1, 2, 10}, {3, 2, 2, 0}};
  });
  // another result over t, beside the permitted one
  expect_in_place_rejected("overlap", [](Network& n, Claim& p) {
    n.tensors.push_back({"z", 10, Role::output});
    n.operators[1].outputs.push_back(3);
    p.residencies.push_back({3, 1, 1, 10});
  });
  expect_in_place_rejected("'t' is stored, but was written over", [](Network& n, Claim& p) {
    n.tensors[1].role = Role::output;
    p.events.insert(p.events.begin() + 2, {1, Action::store, 1});
  });
  expect_in_place_rejected("a pair in place that is not an output and an input",
                           [](Network& n, Claim&) {
                             n.operators[1].in_place = {{1, 2}};
                           });
  expect_in_place_rejected("a tensor in two pairs", [](Network& n, Claim&) {
    n.operators[1].in_place = {{2, 1}, {2, 1}};
  });
  expect_in_place_rejected("which differ in size",
                           [](Network& n, Claim&) { n.tensors[2].bytes = 4; });
}

TEST(Checker, DemandsRunsWithoutGaps) {
  const auto verdict = [](std::int64_t address, std::vector<std::vector<std::int64_t>> adjacent) {
    Network net = network();
    Claim plan = claim();
    // d reads t at 10 and y at 0, both of 10 bytes
    net.operators[3].adjacent = std::move(adjacent);
    plan.residencies[3].address = address;
    return check(net, plan);
  };
  EXPECT_TRUE(verdict(0, {{3, 1}}).accepted) << verdict(0, {{3, 1}}).reason;
  EXPECT_NE(
      verdict(0, {{1, 3}}).reason.find("reads 't', which ends at 20, and 'y' at 0 as one run"),
      std::string::npos);
  EXPECT_NE(verdict(0, {{1, 0}}).reason.find("a neighbour that it does not read"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::checker
