// Random valid plans from a plain planner, each spoilt in one way after another. The documents pass
// through the planner's writer and the checker's reader.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

#include "core/rng.h"
#include "plan/checker/checker.h"
#include "plan/format/in_place.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t kAlignment = 4;

Problem random_problem(Rng& rng) {
  Problem problem;
  const auto tensor = [&](Role role) {
    problem.tensors.push_back(
        {"t" + std::to_string(problem.tensors.size()), rng.between(1, 40), role});
    return static_cast<TensorId>(problem.tensors.size() - 1);
  };
  for (std::int64_t i = rng.between(1, 3); i > 0; --i)
    tensor(rng.below(2) ? Role::input : Role::weight);
  for (std::int64_t o = rng.between(3, 10); o > 0; --o) {
    Operator op;
    op.name = "o" + std::to_string(o);
    for (std::int64_t i = rng.between(1, 3); i > 0; --i) {
      const auto id =
          static_cast<TensorId>(rng.below(static_cast<std::int64_t>(problem.tensors.size())));
      if (std::find(op.inputs.begin(), op.inputs.end(), id) == op.inputs.end())
        op.inputs.push_back(id);
    }
    op.outputs.push_back(tensor(rng.below(3) ? Role::activation : Role::output));
    op.workspace = rng.below(2) * rng.between(1, 9);
    problem.operators.push_back(op);
  }
  return problem;
}

// Steps at which each tensor is made or read.
std::vector<std::set<Step>> steps_of(const Problem& problem) {
  std::vector<std::set<Step>> steps(problem.tensors.size());
  for (std::size_t o = 0; o < problem.operators.size(); ++o)
    for (const auto* list : {&problem.operators[o].inputs, &problem.operators[o].outputs})
      for (const TensorId id : *list) steps[id].insert(static_cast<Step>(o));
  return steps;
}

// First fit below nothing; the scratchpad becomes as large as needed.
std::int64_t first_fit(const Problem& problem, const Plan& plan, Step from, Step to,
                       std::int64_t bytes) {
  for (std::int64_t at = 0;; at += kAlignment) {
    bool free = true;
    for (const Residency& each : plan.residencies)
      if (each.from <= to && from <= each.to)
        free = free && (at + bytes <= each.address ||
                        each.address + problem.tensors[each.tensor].bytes <= at);
    if (free) return at;
  }
}

// `keep` of 4 gaps between uses are kept on chip.
Plan simple_plan(const Problem& problem, int keep, Rng& rng) {
  Plan plan;
  plan.alignment = kAlignment;
  if (rng.below(2) == 0) plan.costs = {rng.between(0, 3), rng.between(1, 3)};
  const auto steps = steps_of(problem);
  for (std::size_t t = 0; t < steps.size(); ++t)
    for (const Step step : steps[t]) {
      const auto id = static_cast<TensorId>(t);
      Residency* last = plan.residencies.empty() ? nullptr : &plan.residencies.back();
      const bool extend =
          last && last->tensor == id && (step == last->to + 1 || rng.below(4) < keep);
      if (extend) last->to = step;
      if (!extend) plan.residencies.push_back({id, step, step, 0});
    }
  std::vector<Residency> wanted;
  std::swap(wanted, plan.residencies);
  const auto grow = [&](std::int64_t end) {
    plan.scratchpad_bytes = std::max(plan.scratchpad_bytes, end);
  };
  for (Residency each : wanted) {
    const std::int64_t bytes = problem.tensors[each.tensor].bytes;
    each.address = first_fit(problem, plan, each.from, each.to, bytes);
    grow(each.address + bytes);
    plan.residencies.push_back(each);
  }
  for (std::size_t o = 0; o < problem.operators.size(); ++o) {
    const auto step = static_cast<Step>(o);
    plan.order.push_back(step);
    const std::int64_t bytes = problem.operators[o].workspace;
    plan.workspaces.push_back(bytes == 0 ? 0 : first_fit(problem, plan, step, step, bytes));
    grow(plan.workspaces.back() + bytes);
  }
  std::sort(plan.residencies.begin(), plan.residencies.end(),
            [](const Residency& a, const Residency& b) {
              return std::tie(a.from, a.tensor) < std::tie(b.from, b.tensor);
            });
  derive_events(problem, plan);
  return plan;
}

checker::Verdict verdict_of(const Problem& problem, const Plan& plan) {
  return checker::check_json(problem_to_json(problem), plan_to_json(problem, plan));
}

template <class Item>
Item* pick(std::vector<Item>& items, Rng& rng, const std::function<bool(const Item&)>& wanted) {
  std::vector<Item*> found;
  for (Item& each : items)
    if (wanted(each)) found.push_back(&each);
  return found.empty() ? nullptr : found[rng.below(static_cast<std::int64_t>(found.size()))];
}

Event* pick_event(Plan& plan, Rng& rng, Action action) {
  return pick<Event>(plan.events, rng, [&](const Event& each) { return each.action == action; });
}

Residency* pick_residency(Plan& plan, Rng& rng) {
  return pick<Residency>(plan.residencies, rng, [](const Residency&) { return true; });
}

Residency* pick_residency_at(Plan& plan, TensorId tensor, Step step) {
  for (Residency& each : plan.residencies)
    if (each.tensor == tensor && each.from <= step && step <= each.to) return &each;
  return nullptr;
}

bool remove_event(Plan& plan, Event* event) {
  if (event) plan.events.erase(plan.events.begin() + (event - plan.events.data()));
  return event != nullptr;
}

struct Mutation {
  const char* name;
  std::vector<const char*> reasons;                        // one of these
  std::function<bool(const Problem&, Plan&, Rng&)> spoil;  // false: cannot be applied to this plan
};

bool swap_dependent(const Problem& problem, Plan& plan, Rng&) {
  for (std::size_t s = 0; s + 1 < plan.order.size(); ++s) {
    const auto& reads = problem.operators[s + 1].inputs;
    if (std::find(reads.begin(), reads.end(), problem.operators[s].outputs[0]) == reads.end())
      continue;
    std::swap(plan.order[s], plan.order[s + 1]);
    return true;
  }
  return false;
}

bool overlap(const Problem&, Plan& plan, Rng& rng) {
  Residency* one = pick_residency(plan, rng);
  for (const Residency& other : plan.residencies)
    if (&other != one && other.from <= one->to && one->from <= other.to) {
      one->address = other.address;
      return true;
    }
  return false;
}

bool split_without_gap(const Problem& problem, Plan& plan, Rng& rng) {
  Residency* one = pick<Residency>(plan.residencies, rng, [&](const Residency& each) {
    const bool single =
        std::count_if(plan.residencies.begin(), plan.residencies.end(),
                      [&](const Residency& other) { return other.tensor == each.tensor; }) == 1;
    return single && each.from < each.to && problem.tensors[each.tensor].role == Role::activation;
  });
  if (!one) return false;
  const Residency second{one->tensor, one->from + 1, one->to, one->address};
  one->to = one->from;
  plan.residencies.push_back(second);
  derive_events(problem, plan);
  return true;
}

bool store_twice(const Problem&, Plan& plan, Rng& rng) {
  const Event* store = pick_event(plan, rng, Action::store);
  if (!store) return false;
  const Residency* later = pick<Residency>(plan.residencies, rng, [&](const Residency& each) {
    return each.tensor == store->tensor && each.to > store->step;
  });
  if (!later) return false;
  const Event again{later->to, Action::store, store->tensor};
  plan.events.insert(std::upper_bound(plan.events.begin(), plan.events.end(), again,
                                      [](const Event& a, const Event& b) {
                                        return std::tie(a.step, a.action, a.tensor) <
                                               std::tie(b.step, b.action, b.tensor);
                                      }),
                     again);
  return true;
}

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> all = {
      {"address off by one",
       {"is not aligned", "is not inside"},
       [](const Problem&, Plan& p, Rng& r) { return ++pick_residency(p, r)->address > 0; }},
      {"negative address",
       {"is not inside"},
       [](const Problem&, Plan& p, Rng& r) {
         pick_residency(p, r)->address = -kAlignment;
         return true;
       }},
      {"huge address",
       {"is not inside"},
       [](const Problem&, Plan& p, Rng& r) {
         pick_residency(p, r)->address = INT64_MAX - 3;
         return true;
       }},
      {"two at one address", {"overlap", "is not inside"}, overlap},
      {"operators swapped", {"which is made later"}, swap_dependent},
      {"operator repeated",
       {"runs twice"},
       [](const Problem&, Plan& p, Rng&) {
         p.order[1] = p.order[0];
         return true;
       }},
      {"load missing",
       {"need a load"},
       [](const Problem&, Plan& p, Rng& r) {
         return remove_event(p, pick_event(p, r, Action::load));
       }},
      {"store missing",
       {"without a copy"},
       [](const Problem&, Plan& p, Rng& r) {
         return remove_event(p, pick_event(p, r, Action::store));
       }},
      {"drop missing",
       {"drops"},
       [](const Problem&, Plan& p, Rng& r) {
         return remove_event(p, pick_event(p, r, Action::drop));
       }},
      {"event repeated",
       {"repeated or out of order"},
       [](const Problem&, Plan& p, Rng& r) {
         p.events.insert(p.events.begin() + r.below(static_cast<std::int64_t>(p.events.size())),
                         p.events.back());
         return true;
       }},
      {"stored twice", {"is stored again"}, store_twice},
      {"residency missing",
       {"is not resident", "has no address"},
       [](const Problem&, Plan& p, Rng& r) {
         p.residencies.erase(p.residencies.begin() + (pick_residency(p, r) - p.residencies.data()));
         return true;
       }},
      {"no step between store and load",
       {"is loaded at the step after its store"},
       split_without_gap},
      {"a byte of traffic less",
       {"bytes of traffic"},
       [](const Problem&, Plan& p, Rng&) { return p.traffic_bytes-- > 0; }},
      {"a cost less",
       {"claims to cost"},
       [](const Problem&, Plan& p, Rng&) { return priced(p) && p.cost-- > 0; }},
      {"another price",
       {"claims to cost"},
       [](const Problem&, Plan& p, Rng&) {
         if (!priced(p) || p.traffic_bytes == 0) return false;
         p.costs.read += 5;
         return true;
       }},
      {"bound above the cost",
       {"on its cost of"},
       [](const Problem&, Plan& p, Rng&) {
         p.lower_bound_cost = p.cost + 1;
         return priced(p);
       }},
      {"a compulsory byte less",
       {"compulsory bytes"},
       [](const Problem&, Plan& p, Rng&) { return p.compulsory_bytes-- > 0; }},
      {"smaller scratchpad",
       {"is not inside", "alone needs"},
       [](const Problem&, Plan& p, Rng&) { return p.scratchpad_bytes-- > 0; }},
      {"bound above the traffic",
       {"above its traffic"},
       [](const Problem&, Plan& p, Rng&) {
         p.lower_bound_bytes = p.traffic_bytes + 1;
         return true;
       }},
      {"optimal below the traffic",
       {"claims to be optimal, but its lower bound"},
       [](const Problem&, Plan& p, Rng&) {
         p.status = Status::optimal;
         p.bound_origin = "search";
         return cost_of(p) > 0;
       }},
      {"optimal without origin",
       {"where its bound comes from"},
       [](const Problem&, Plan& p, Rng&) {
         p.status = Status::optimal;
         p.lower_bound_bytes = p.traffic_bytes;
         p.lower_bound_cost = p.cost;
         return true;
       }},
      {"infeasible though planned",
       {"cannot be confirmed"},
       [](const Problem&, Plan& p, Rng&) {
         p.status = Status::infeasible;
         return true;
       }},
  };
  return all;
}

TEST(Mutations, ValidPlansAreAccepted) {
  Rng rng(21);
  for (int round = 0; round < 400; ++round) {
    const Problem problem = random_problem(rng);
    validate(problem);
    const Plan plan = simple_plan(problem, round % 5, rng);
    const auto verdict = verdict_of(problem, plan);
    ASSERT_TRUE(verdict.accepted) << verdict.reason << problem_to_json(problem)
                                  << plan_to_json(problem, plan);
    EXPECT_EQ(verdict.traffic_bytes, plan.traffic_bytes);
    EXPECT_EQ(verdict.compulsory_bytes, plan.compulsory_bytes);
  }
}

// One result of the problem lies over an input that dies there; nothing when none can.
struct Shared {
  OperatorId op = -1;
  InPlace pair;
};

Shared share_one(Problem& problem, Plan& plan) {
  LastUses uses(problem);
  for (std::size_t o = 0; o < problem.operators.size(); ++o) {
    Operator& op = problem.operators[o];
    const auto step = static_cast<Step>(o);
    Residency* over = pick_residency_at(plan, op.outputs[0], step);
    for (const TensorId input : op.inputs) {
      const auto& tensors = problem.tensors;
      Residency* under = pick_residency_at(plan, input, step);
      problem.tensors[op.outputs[0]].bytes = tensors[input].bytes;
      const std::int64_t before = std::exchange(over->address, under->address);
      op.in_place = {{op.outputs[0], input}};
      const bool dies = under->to == step && uses.is_last(input, step);
      derive_events(problem, plan);
      if (dies && verdict_of(problem, plan).accepted) return {step, op.in_place[0]};
      over->address = before;
      op.in_place.clear();
    }
  }
  return {};
}

TEST(Mutations, ResultsInPlaceAreRejectedWhereNothingPermitsThem) {
  Rng rng(23);
  int shared = 0;
  for (int round = 0; round < 400; ++round) {
    Problem problem = random_problem(rng);
    Plan plan = simple_plan(problem, round % 5, rng);
    const Shared found = share_one(problem, plan);
    if (found.op < 0) continue;
    ++shared;
    const auto rejected = [&](const char* reason,
                              const std::function<void(Problem&, Plan&)>& spoil) {
      Problem other = problem;
      Plan spoilt = plan;
      spoil(other, spoilt);
      const auto verdict = verdict_of(other, spoilt);
      EXPECT_FALSE(verdict.accepted) << reason;
      EXPECT_NE(verdict.reason.find(reason), std::string::npos) << verdict.reason;
    };
    rejected("overlap", [&](Problem& q, Plan& p) {
      q.operators[found.op].in_place.clear();
      p.scratchpad_bytes += 1000;  // room for both alone
    });
    if (problem.tensors[found.pair.input].bytes <= kAlignment) continue;
    rejected("overlap", [&](Problem&, Plan& p) {  // not quite the same bytes
      Residency* over = pick_residency_at(p, found.pair.output, found.op);
      over->address += over->address >= kAlignment ? -kAlignment : kAlignment;
      p.scratchpad_bytes += kAlignment;
    });
    if (found.op + 1 == static_cast<OperatorId>(plan.order.size())) continue;
    // the input stays a step longer, beside a result that does
    rejected("overlap", [&](Problem& q, Plan& p) {
      pick_residency_at(p, found.pair.input, found.op)->to = found.op + 1;
      Residency* over = pick_residency_at(p, found.pair.output, found.op);
      over->to = std::max<Step>(over->to, found.op + 1);
      derive_events(q, p);
    });
  }
  EXPECT_GT(shared, 50);
}

TEST(Mutations, EachKindIsRejectedForItsReason) {
  for (const Mutation& mutation : mutations()) {
    Rng rng(22);
    int applied = 0;
    for (int round = 0; round < 150; ++round) {
      const Problem problem = random_problem(rng);
      Plan plan = simple_plan(problem, round % 5, rng);
      if (!mutation.spoil(problem, plan, rng)) continue;
      ++applied;
      const auto verdict = verdict_of(problem, plan);
      ASSERT_FALSE(verdict.accepted) << mutation.name;
      EXPECT_TRUE(std::any_of(
          mutation.reasons.begin(), mutation.reasons.end(),
          [&](const char* reason) { return verdict.reason.find(reason) != std::string::npos; }))
          << mutation.name << ": " << verdict.reason;
    }
    EXPECT_GT(applied, 20) << mutation.name;
  }
}

}  // namespace
}  // namespace pliant::plan
