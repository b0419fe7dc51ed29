#include "plan/second_level.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/checked.h"
#include "core/error.h"
#include "core/time/deadline.h"
#include "plan/place/place.h"
#include "plan/schedule/verify.h"

namespace pliant::plan {
namespace {

constexpr std::size_t exactly_split = 16;
constexpr std::int64_t most_attempts = 2'000;  // placements where there are more
constexpr std::int64_t nodes_when_exact = 200'000, nodes_when_limited = 5'000;

struct Absence {
  TensorId tensor = 0;
  // from the step after the drop to that of the load; the two memories overlap in neither
  Step from = 0, to = 0;
};

// Absences that are taken together or not at all: an activation's, or a single one of a tensor with
// a copy off chip.
struct Item {
  std::vector<Absence> absences;
  std::int64_t saving = 0;                          // > 0
  std::int64_t loaded_bytes = 0, stored_bytes = 0;  // off chip no more
};

// Whether the operator of its last step writes a result over the residency: nothing is left to keep
// then.
bool is_overwritten(const Problem& problem, const Plan& plan, const Residency& residency) {
  const Operator& op = problem.operators[plan.order[residency.to]];
  return std::any_of(op.in_place.begin(), op.in_place.end(), [&](const InPlace& pair) {
    return pair.input == residency.tensor &&
           std::any_of(plan.residencies.begin(), plan.residencies.end(),
                       [&](const Residency& over) {
                         return over.tensor == pair.output && over.from == residency.to &&
                                over.address == residency.address;
                       });
  });
}

class AbsenceItems {
 public:
  AbsenceItems(const Problem& problem, const SecondMemory& memory, const Plan& plan)
      : problem_(problem), memory_(memory), plan_(plan) {
    for (const Event& event : plan.events)
      if (event.action == Action::load) loads_.insert({event.step, event.tensor});
  }

  std::vector<Item> find() {
    std::vector<std::vector<Residency>> residencies(problem_.tensors.size());
    for (const Residency& each : plan_.residencies) residencies[each.tensor].push_back(each);
    for (std::size_t t = 0; t < residencies.size(); ++t) add(problem_.tensors[t], residencies[t]);
    std::stable_sort(items_.begin(), items_.end(),
                     [](const Item& a, const Item& b) { return a.saving > b.saving; });
    return std::move(items_);
  }

 private:
  void add(const TensorInfo& tensor, const std::vector<Residency>& residencies) {
    if (tensor.bytes == 0 || tensor.bytes > memory_.bytes) return;
    const bool whole = tensor.role == Role::activation;
    Item item;
    for (std::size_t i = 0; i + 1 < residencies.size(); ++i) {
      const Residency &before = residencies[i], &after = residencies[i + 1];
      if (!loads_.contains({after.from, after.tensor})) continue;  // it moves
      if (is_overwritten(problem_, plan_, before)) {
        if (whole) return;
        continue;
      }
      item.absences.push_back({before.tensor, before.to + 1, after.from});
      if (!whole) offer(tensor, std::exchange(item, {}), false);
    }
    if (whole) offer(tensor, std::move(item), true);
  }

  void offer(const TensorInfo& tensor, Item item, bool stored) {
    const std::int64_t count = item.absences.size();
    if (count == 0) return;
    item.loaded_bytes = checked_multiply(tensor.bytes, count, tensor.name);
    item.stored_bytes = stored ? tensor.bytes : 0;
    const std::int64_t off_chip = checked_add(
        checked_multiply(item.loaded_bytes, plan_.costs.read, tensor.name),
        checked_multiply(item.stored_bytes, plan_.costs.write, tensor.name), tensor.name);
    item.saving = off_chip - checked_multiply(item.loaded_bytes, 2 * memory_.price, tensor.name);
    if (item.saving > 0) items_.push_back(std::move(item));
  }

  const Problem& problem_;
  const SecondMemory& memory_;
  const Plan& plan_;
  std::set<std::pair<Step, TensorId>> loads_;
  std::vector<Item> items_;
};

// Branch and bound over the items, dearest first: with it where it can be placed beside those
// chosen, then without.
class Split {
 public:
  Split(const Problem& problem, const SecondMemory& memory, const Plan& plan,
        const SolveOptions& options, const std::vector<Item>& items)
      : problem_(problem),
        memory_(memory),
        plan_(plan),
        options_(options),
        deadline_(options.limits.seconds, options.limits.stop),
        items_(items),
        rest_(items.size() + 1) {
    for (std::size_t i = items.size(); i-- > 0;)
      rest_[i] = checked_add(rest_[i + 1], items[i].saving, "second level");
    if (items.size() <= exactly_split) attempts_ = INT64_MAX;
  }

  // The first way down is the greedy choice.
  void run() { branch(0); }

  std::vector<std::size_t> best;      // items
  std::vector<std::int64_t> offsets;  // of their absences, one after the other

 private:
  bool over() const { return attempts_ <= 0 || deadline_.over(); }

  std::vector<place::Rectangle> rectangles() const {
    std::vector<place::Rectangle> all;
    for (const std::size_t i : chosen_)
      for (const Absence& each : items_[i].absences)
        all.push_back({problem_.tensors[each.tensor].bytes, each.from, each.to + 1});
    return all;
  }

  place::Placement placed() {
    --attempts_;
    place::PlaceOptions options;
    options.alignment = plan_.alignment;
    options.nodes = items_.size() <= exactly_split ? nodes_when_exact : nodes_when_limited;
    options.deadline = deadline_;
    return place::place(rectangles(), memory_.bytes, options);
  }

  // An explicit path instead of recursion: there may be thousands of items.
  void branch(std::size_t item) {
    while (true) {
      for (; item < items_.size() && !over() && saved_ + rest_[item] > best_saving_; ++item)
        take(item);
      if (over() || chosen_.empty()) return;
      item = chosen_.back() + 1;  // now without it
      saved_ -= items_[chosen_.back()].saving;
      chosen_.pop_back();
    }
  }

  void take(std::size_t item) {
    chosen_.push_back(item);
    place::Placement result = placed();
    if (result.status != place::Outcome::placed) {
      chosen_.pop_back();
      return;
    }
    saved_ += items_[item].saving;
    if (saved_ <= best_saving_) return;
    best_saving_ = saved_;
    best = chosen_;
    offsets = std::move(result.offsets);
  }

  const Problem& problem_;
  const SecondMemory& memory_;
  const Plan& plan_;
  const SolveOptions& options_;
  Deadline deadline_;
  const std::vector<Item>& items_;
  std::vector<std::int64_t> rest_;  // savings from an item on
  std::vector<std::size_t> chosen_;
  std::int64_t saved_ = 0, best_saving_ = 0, attempts_ = most_attempts;
};

void check_memory(const SecondMemory& memory, const Costs& costs) {
  if (memory.bytes <= 0)
    throw Error(ErrorKind::usage, "second level",
                fmt::format("a size of {} is not above 0", memory.bytes));
  const std::int64_t most = std::min(costs.read, costs.write);
  if (memory.price < 0 || memory.price > most)
    throw Error(
        ErrorKind::usage, "second level",
        fmt::format("a cost of {} is not from 0 to {}", memory.price, most),
        "a second level costs no more than off-chip memory: at most the read and the write cost");
}

}  // namespace

void split_absences(const Problem& problem, const SecondMemory& memory, const SolveOptions& options,
                    Plan& plan) {
  check_memory(memory, plan.costs);
  const std::vector<Item> items = AbsenceItems(problem, memory, plan).find();
  Split split(problem, memory, plan, options, items);
  split.run();
  SecondLevel& level = plan.second_level.emplace();
  level.bytes = memory.bytes;
  level.price = memory.price;
  level.off_chip_bytes = plan.traffic_bytes;
  level.cost = cost_of(plan);
  auto offset = split.offsets.begin();
  for (const std::size_t i : split.best) {
    for (const Absence& each : items[i].absences)
      level.residencies.push_back({each.tensor, each.from, each.to, *offset++});
    level.off_chip_bytes -= items[i].loaded_bytes + items[i].stored_bytes;
    level.moved_bytes = checked_add(level.moved_bytes, 2 * items[i].loaded_bytes, "second level");
    level.cost -= items[i].saving;
  }
  std::sort(level.residencies.begin(), level.residencies.end(), starts_before);
}

Plan solve_second_level(const Problem& problem, std::int64_t scratchpad_bytes,
                        const SecondMemory& memory, const SolveOptions& options, ThreadPool& pool) {
  check_memory(memory, options.costs);
  const Deadline deadline(options.limits.seconds, options.limits.stop);
  Plan plan = solve(problem, scratchpad_bytes, options, pool);
  if (plan.status != Status::optimal && plan.status != Status::feasible) return plan;
  SolveOptions rest = options;
  rest.limits.seconds = std::max(0.0, deadline.left());
  split_absences(problem, memory, rest, plan);
  rest.limits.seconds = std::max(0.0, deadline.left());
  rest.costs.move = 0;  // from one memory to the other
  const std::int64_t both = checked_add(round_up(scratchpad_bytes, options.alignment), memory.bytes,
                                        "size of both memories");
  SecondLevel& level = *plan.second_level;
  level.lower_bound_cost =
      level.cost == 0 ? 0 : std::min(level.cost, bound_of(solve(problem, both, rest, pool)));
  plan.status = level.cost == level.lower_bound_cost ? Status::optimal : Status::feasible;
  if (plan.status == Status::optimal)
    plan.bound_origin = level.cost == 0 ? "no cost" : "one memory of both sizes";
  require_valid(problem, plan);
  return plan;
}

}  // namespace pliant::plan
