#include "plan/steady.h"

#include <algorithm>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "core/checked.h"
#include "core/error.h"
#include "plan/schedule/verify.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t impossible = INT64_MAX / 4;
constexpr std::int64_t solve_effort = 20'000;  // of one planning, besides what it spends
constexpr int most_sizes = 24;                 // tried for the weights together before the search
constexpr std::size_t most_nodes = 200'000;

using Set = std::vector<bool>;  // over the weights that may be pinned

struct Weight {
  TensorId tensor = 0;
  std::int64_t bytes = 0, space = 0;  // space: rounded up to the alignment
};

// Written over, or read in one run with others: such a weight has no place of its own.
bool is_bound(const Problem& problem, TensorId t) {
  const auto binds = [&](const Operator& op) {
    const auto holds = [&](const std::vector<TensorId>& run) {
      return std::find(run.begin(), run.end(), t) != run.end();
    };
    return std::any_of(op.adjacent.begin(), op.adjacent.end(), holds) ||
           std::any_of(op.in_place.begin(), op.in_place.end(),
                       [&](const InPlace& pair) { return pair.input == t; });
  };
  return std::any_of(problem.operators.begin(), problem.operators.end(), binds);
}

// Largest first.
std::vector<Weight> find_weights(const Problem& problem, std::int64_t alignment) {
  std::vector<bool> used(problem.tensors.size(), false);
  for (const Operator& op : problem.operators)
    for (const TensorId t : op.inputs) used[t] = true;
  std::vector<Weight> weights;
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    const TensorInfo& info = problem.tensors[t];
    const TensorId id = t;
    if (info.role != Role::weight || info.bytes == 0 || !used[t] || is_bound(problem, id)) continue;
    weights.push_back({id, info.bytes, round_up(info.bytes, alignment)});
  }
  std::stable_sort(weights.begin(), weights.end(),
                   [](const Weight& a, const Weight& b) { return a.space > b.space; });
  return weights;
}

struct Reduced {
  Problem problem;
  std::vector<TensorId> tensors;  // of the whole, per tensor
};

Reduced without(const Problem& problem, const std::vector<bool>& gone) {
  Reduced reduced;
  std::vector<TensorId> local(problem.tensors.size(), -1);
  for (std::size_t t = 0; t < problem.tensors.size(); ++t) {
    if (gone[t]) continue;
    local[t] = reduced.tensors.size();
    reduced.tensors.push_back(t);
    reduced.problem.tensors.push_back(problem.tensors[t]);
  }
  for (Operator op : problem.operators) {
    std::erase_if(op.inputs, [&](TensorId t) { return gone[t]; });
    for (auto* list : {&op.inputs, &op.outputs})
      for (TensorId& t : *list) t = local[t];
    for (auto& run : op.adjacent)
      for (TensorId& t : run) t = local[t];
    for (InPlace& pair : op.in_place) pair = {local[pair.output], local[pair.input]};
    reduced.problem.operators.push_back(std::move(op));
  }
  return reduced;
}

// A choice for the first weights; the others are open.
struct Node {
  std::int64_t bound = 0;
  std::uint64_t number = 0;  // the later one first among equals: it is deeper
  Set pinned, loaded;
  std::size_t decided = 0;
  std::int64_t space = 0, bytes = 0;  // of the pinned ones
  std::int64_t floor = 0;             // of the traffic's cost, whatever the open ones do
  bool operator<(const Node& o) const {
    return std::tie(o.bound, number) < std::tie(bound, o.number);
  }
};

class SteadySearch {
 public:
  SteadySearch(const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options,
               ThreadPool& pool)
      : problem_(problem),
        bytes_(scratchpad_bytes),
        roomy_bytes_(round_up(scratchpad_bytes, options.alignment)),
        options_(options),
        pool_(pool),
        budget_(options.limits),
        weights_(find_weights(problem, options.alignment)) {
    std::vector<bool> used(problem.tensors.size(), false);
    for (const Operator& op : problem.operators)
      for (const TensorId t : op.inputs) used[t] = true;
    for (std::size_t t = 0; t < used.size(); ++t)
      if (used[t] && problem.tensors[t].role == Role::weight)
        all_bytes_ += problem.tensors[t].bytes;
    for (const Weight& w : weights_) open_bytes_ += w.bytes;
  }

  Plan run() {
    if (weights_.empty())
      throw Error(ErrorKind::usage, "steady state", "the problem has no weights that could stay",
                  "plan the weights too (--weights)");
    evaluate(Set(weights_.size(), false));
    try_sizes();
    climb();
    branch();
    return finish();
  }

 private:
  bool over() const { return budget_.over(); }
  std::int64_t load_cost(std::int64_t pinned_bytes) const {
    return (all_bytes_ - pinned_bytes) * options_.costs.read;
  }
  std::int64_t least_cost() const { return best_ ? best_->frame->cost : impossible; }

  std::vector<bool> tensors_of(const Set& set) const {
    std::vector<bool> tensors(problem_.tensors.size(), false);
    for (std::size_t i = 0; i < set.size(); ++i)
      if (set[i]) tensors[weights_[i].tensor] = true;
    return tensors;
  }

  std::int64_t space_of(const Set& set) const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < set.size(); ++i)
      if (set[i]) sum += weights_[i].space;
    return sum;
  }

  Plan plan_without(const Reduced& reduced, std::int64_t bytes) {
    SolveOptions options = options_;
    options.progress = nullptr;
    Budget part = budget_.part(options_.limits.effort / 8);
    Plan plan = solve_within(part, reduced.problem, bytes, options, pool_);
    budget_.spend(solve_effort);
    return plan;
  }

  // No plan that loads these weights, and maybe others, has traffic of less cost beside pinned ones
  // of that space.
  std::int64_t least(const Set& loaded, std::int64_t pinned_space) {
    if (pinned_space > roomy_bytes_) return impossible;
    const auto [at, fresh] = least_.try_emplace({loaded, pinned_space}, 0);
    if (!fresh || over()) return at->second;
    Set others = loaded;
    others.flip();
    const Plan plan =
        plan_without(without(problem_, tensors_of(others)), roomy_bytes_ - pinned_space);
    return at->second = plan.status == Status::infeasible ? impossible : bound_of(plan);
  }

  // Plans a frame with these weights pinned; keeps the plan if it is the best. Returns a bound on
  // its frame cost.
  std::int64_t evaluate(const Set& pinned) {
    const std::int64_t base = space_of(pinned);
    if (base > bytes_) return impossible;
    if (const auto known = evaluated_.find(pinned); known != evaluated_.end()) return known->second;
    if (over()) return 0;
    const std::vector<bool> gone = tensors_of(pinned);
    const Reduced reduced = without(problem_, gone);
    const Plan part = plan_without(reduced, bytes_ - base);
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < pinned.size(); ++i) bytes += pinned[i] ? weights_[i].bytes : 0;
    const std::int64_t bound =
        part.status == Status::infeasible ? impossible : load_cost(bytes) + bound_of(part);
    const bool planned = !part.order.empty() || part.status == Status::optimal;
    if (planned && load_cost(bytes) + cost_of(part) < least_cost())
      best_ = assemble(pinned, reduced, part);
    if (best_ && best_->frame->cost < reported_) report();
    return evaluated_[pinned] = bound;
  }

  // The pinned weights lie at the bottom, everything else above them.
  Plan assemble(const Set& pinned, const Reduced& reduced, const Plan& part) const {
    Plan plan = part;
    plan.scratchpad_bytes = bytes_;
    plan.frame.emplace();
    std::int64_t base = 0;
    std::vector<Residency> stay;
    for (std::size_t i = 0; i < pinned.size(); ++i) {
      if (!pinned[i]) continue;
      stay.push_back({weights_[i].tensor, 0, static_cast<Step>(part.order.size()) - 1, base});
      plan.frame->pinned.push_back(weights_[i].tensor);
      base += weights_[i].space;
    }
    std::sort(plan.frame->pinned.begin(), plan.frame->pinned.end());
    for (Residency& each : plan.residencies) {
      each.tensor = reduced.tensors[each.tensor];
      each.address += base;
    }
    for (std::size_t step = 0; step < plan.workspaces.size(); ++step)
      if (problem_.operators[plan.order[step]].workspace > 0) plan.workspaces[step] += base;
    plan.residencies.insert(plan.residencies.end(), stay.begin(), stay.end());
    std::sort(plan.residencies.begin(), plan.residencies.end(), starts_before);
    derive_events(problem_, plan);
    return plan;
  }

  void report() {
    reported_ = least_cost();
    if (options_.progress)
      options_.progress({budget_.deadline().seconds(), least_cost(), bound_, 1, 0});
  }

  // Sizes of all pinned weights together: where the bound is least, it is found better by planning
  // a frame that loads no weights at all beside that size, and some sets of that size are tried.
  void try_sizes() {
    Node root;
    root.pinned = root.loaded = Set(weights_.size(), false);
    sizes_[0] = least(root.loaded, 0);
    for (int i = 0; i < most_sizes && !over(); ++i) {
      const Range range = cheapest_range(root);
      bound_ = std::min(range.bound, least_cost());
      if (range.bound >= least_cost() || range.from >= range.to) break;
      const std::int64_t size = range.to - (range.to - range.from) / 2;
      Set none(weights_.size(), false);
      sizes_[size] = least(none, size);
      evaluate(fill(size, false));
      evaluate(fill(size, true));
    }
  }

  struct Range {  // of the space that is pinned in all
    std::int64_t from = 0, to = 0, bound = impossible;
  };

  // In a range between two sizes that were planned the traffic costs what it did at the smaller
  // one, at least, and the most weights are pinned at its end.
  Range cheapest_range(const Node& node) const {
    std::int64_t open_space = 0, open_bytes = 0;
    for (std::size_t i = node.decided; i < weights_.size(); ++i) {
      open_space += weights_[i].space;
      open_bytes += weights_[i].bytes;
    }
    Range best;
    const std::int64_t last = std::min(roomy_bytes_, node.space + open_space);
    std::int64_t traffic = node.floor;
    for (auto at = sizes_.begin(); at != sizes_.end() && at->first <= last; ++at) {
      traffic = std::max(traffic, at->second);
      const auto next = std::next(at);
      const std::int64_t to = next == sizes_.end() ? last : std::min(last, next->first - 1);
      if (to < node.space) continue;
      const std::int64_t most = node.bytes + std::min(open_bytes, to - node.space);
      const std::int64_t bound = traffic >= impossible ? impossible : load_cost(most) + traffic;
      if (bound < best.bound) best = {std::max(node.space, at->first), to, bound};
    }
    return best;
  }

  // Weights that fit into that space: the largest first, or those of the operators that need the
  // most.
  Set fill(std::int64_t space, bool by_need) const {
    std::vector<std::pair<std::int64_t, std::size_t>> order;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      std::int64_t need = by_need ? 0 : weights_[i].space;
      for (std::size_t op = 0; by_need && op < problem_.operators.size(); ++op) {
        const auto& inputs = problem_.operators[op].inputs;
        if (std::find(inputs.begin(), inputs.end(), weights_[i].tensor) == inputs.end()) continue;
        need = std::max(need, required_size_of(op));
      }
      order.emplace_back(-need, i);
    }
    std::sort(order.begin(), order.end());
    Set set(weights_.size(), false);
    for (const auto& [need, i] : order) {
      if (weights_[i].space > space) continue;
      space -= weights_[i].space;
      set[i] = true;
    }
    return set;
  }

  std::int64_t required_size_of(OperatorId id) const {
    const Operator& op = problem_.operators[id];
    std::int64_t sum = op.workspace;
    for (const auto* list : {&op.inputs, &op.outputs})
      for (const TensorId t : *list) sum += problem_.tensors[t].bytes;
    return sum;
  }

  // Adds and takes out one weight at a time while that helps.
  void climb() {
    for (bool better = true; better && best_ && !over() && bound_ < least_cost();) {
      better = false;
      for (std::size_t i = 0; i < weights_.size() && budget_.spent() < options_.limits.effort / 4;
           ++i) {
        const std::int64_t before = least_cost();
        Set other = pinned_in_best();
        other[i] = !other[i];
        evaluate(other);
        better = better || least_cost() < before;
      }
    }
  }

  Set pinned_in_best() const {
    Set set(weights_.size(), false);
    const auto& pinned = best_->frame->pinned;
    for (std::size_t i = 0; i < set.size(); ++i)
      set[i] = std::binary_search(pinned.begin(), pinned.end(), weights_[i].tensor);
    return set;
  }

  // Best first over pinned or not, weight by weight.
  void branch() {
    std::priority_queue<Node> open;
    Node root;
    root.pinned = root.loaded = Set(weights_.size(), false);
    root.bound = cheapest_range(root).bound;
    open.push(std::move(root));
    std::int64_t unproven = impossible;
    std::size_t nodes = 0;
    while (!open.empty()) {
      const Node node = open.top();
      bound_ = std::min({least_cost(), unproven, node.bound});
      if (node.bound >= least_cost() || over() || ++nodes > most_nodes) break;
      open.pop();
      if (node.decided == weights_.size()) {
        unproven = std::min(unproven, leaf(node));
        continue;
      }
      for (const bool pin : {false, true}) {
        Node child = extend(node, pin);
        child.number = ++numbers_;
        if (child.bound < least_cost()) open.push(std::move(child));
      }
    }
    if (open.empty()) bound_ = std::min(least_cost(), unproven);
    complete_ = open.empty() || bound_ >= least_cost();
  }

  // Plans the choice; a bound on its frame cost, wherever the weights lie.
  std::int64_t leaf(const Node& node) {
    const std::int64_t bound = evaluate(node.pinned);
    return roomy_bytes_ == bytes_ ? std::max(bound, node.bound) : node.bound;
  }

  Node extend(const Node& node, bool pin) {
    Node child = node;
    const Weight& weight = weights_[child.decided];
    (pin ? child.pinned : child.loaded)[child.decided] = true;
    ++child.decided;
    if (pin) {
      child.space += weight.space;
      child.bytes += weight.bytes;
    }
    child.bound = std::max(node.bound, cheapest_range(child).bound);
    if (child.bound >= least_cost()) return child;
    child.floor = std::max(child.floor, least(child.loaded, child.space));
    child.bound = std::max(child.bound, cheapest_range(child).bound);
    return child;
  }

  Plan finish() {
    Plan plan;
    if (!best_) {
      plan.scratchpad_bytes = bytes_;
      plan.alignment = options_.alignment;
      plan.costs = options_.costs;
      plan.status = complete_ ? Status::infeasible : Status::undecided;
      plan.bound_origin = complete_ ? "no set of pinned weights leaves room for a plan" : "";
      return plan;
    }
    plan = std::move(*best_);
    plan.frame->lower_bound_cost = std::min(bound_, plan.frame->cost);
    plan.status =
        plan.frame->lower_bound_cost == plan.frame->cost ? Status::optimal : Status::feasible;
    plan.bound_origin = "branch and bound over the pinned weights";
    require_valid(problem_, plan);
    return plan;
  }

  const Problem& problem_;
  std::int64_t bytes_, roomy_bytes_;  // the latter a multiple of the alignment
  const SolveOptions& options_;
  ThreadPool& pool_;
  Budget budget_;
  std::vector<Weight> weights_;
  std::int64_t all_bytes_ = 0, open_bytes_ = 0;
  std::map<std::pair<Set, std::int64_t>, std::int64_t> least_;
  std::map<Set, std::int64_t> evaluated_;
  // space that is pinned to the least cost of traffic beside it
  std::map<std::int64_t, std::int64_t> sizes_;
  std::optional<Plan> best_;
  std::int64_t bound_ = 0, reported_ = INT64_MAX;
  std::uint64_t numbers_ = 0;
  bool complete_ = false;
};

}  // namespace

Plan solve_steady(const Problem& problem, std::int64_t scratchpad_bytes,
                  const SolveOptions& options, ThreadPool& pool) {
  validate(problem);
  check_costs(problem, options.costs);
  if (scratchpad_bytes < 0 || options.alignment < 1)
    throw Error(ErrorKind::usage, "steady state",
                "the scratchpad's size is negative or the alignment below 1");
  return SteadySearch(problem, scratchpad_bytes, options, pool).run();
}

}  // namespace pliant::plan
