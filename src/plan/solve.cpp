#include "plan/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "core/error.h"
#include "plan/baseline/baseline.h"
#include "plan/bound/partition.h"
#include "plan/divide.h"
#include "plan/format/adjacent.h"
#include "plan/schedule/compact.h"
#include "plan/schedule/schedule.h"
#include "plan/schedule/verify.h"
#include "plan/search/addressed.h"
#include "plan/search/fluid.h"
#include "plan/search/window.h"

namespace pliant::plan {
namespace {

constexpr std::array<std::size_t, 3> beam_widths{16, 128, 1024};
constexpr std::int64_t quick_states = 300'000;
constexpr std::uint64_t varied_plans = 8, most_varied_plans = 400;  // the latter after a quick search with addresses
constexpr std::int64_t varied_effort = 20'000'000, quick_effort = 2'000'000, placement_node_effort = 16;
constexpr std::int64_t move_step_effort = 1'000;
constexpr int piece_depth = 8;                     // halves of halves
constexpr std::size_t long_problem = 1000;         // operators from which the parts come before the whole
constexpr std::int64_t placement_nodes = 200'000;  // per placement: a plan that is harder is left to the next one

void check_options(std::int64_t scratchpad_bytes, const SolveOptions& options) {
  if (scratchpad_bytes < 0)
    throw Error(ErrorKind::usage, "scratchpad size", fmt::format("{} is negative", scratchpad_bytes));
  if (options.alignment < 1)
    throw Error(ErrorKind::usage, "alignment", fmt::format("{} is below 1", options.alignment), "use 1 or more");
  if (options.limits.effort < 0)
    throw Error(ErrorKind::usage, "effort limit", fmt::format("{} is negative", options.limits.effort));
}

class Solver {
 public:
  Solver(Budget& budget, const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options, Pool& pool)
      : problem_(problem), bytes_(scratchpad_bytes), options_(options), pool_(pool), budget_(budget) {
    model_ = make_model(problem, scratchpad_bytes, options.alignment, options.costs);
    pressure_ = make_pressure(model_);
  }

  Plan run() {
    offer(drop_everything());
    if (const auto baseline = default_belady(problem_, bytes_))  // however the search ends, its plan is no worse
      offer(make_schedule(problem_, default_order(), baseline->leaves));
    if (options_.divide_only || (options_.divide && problem_.operators.size() >= long_problem)) conquer();
    if (options_.divide_only) return finish();
    if (!done() && !fluid_exact_) search_order();
    if (!done() && fluid_exact_) settle_addresses();
    return finish();
  }

 private:
  bool over() const { return budget_.over(); }
  bool done() const { return infeasible_ || over() || (best_ && cost_of(*best_) <= bound_); }
  std::int64_t least() const { return best_ ? cost_of(*best_) : INT64_MAX; }

  void raise(std::int64_t bound, std::string_view origin) {
    if (bound < bound_ || (bound == bound_ && !origin_.empty())) return;
    bound_ = bound;
    origin_ = origin;
    if (origin != addressed_origin) traffic_bound_ = bound;
  }

  void report() const {
    if (!options_.progress) return;
    Progress progress{budget_.deadline().seconds(), {}, bound_, 1, states_};
    if (best_) {
      progress.incumbent = least();
      progress.gap = least() > bound_ ? 1 - static_cast<double>(bound_) / static_cast<double>(least()) : 0;
    }
    options_.progress(progress);
  }

  std::vector<OperatorId> default_order() const {
    std::vector<OperatorId> order(problem_.operators.size());
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  // The plan of last resort: whatever may leave does.
  Schedule drop_everything() const {
    Schedule schedule = make_schedule(problem_, default_order());
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t)
      for (std::size_t gap = 0; gap < schedule.uses[t].dropped.size(); ++gap)
        if (may_drop(problem_, schedule, static_cast<TensorId>(t), gap)) schedule.uses[t].dropped[gap] = true;
    return schedule;
  }

  Placing placing_now() const {
    Placing placing;
    placing.scratchpad_bytes = bytes_;
    placing.costs = options_.costs;
    placing.options.alignment = options_.alignment;
    placing.options.deadline = budget_.deadline();
    return placing;
  }

  // The schedule as it is, its tensors moved where they are in the way.
  void offer_moved(const Schedule& schedule, const Placing& placing) {
    std::optional<Plan> plan = compact(problem_, schedule, placing);
    budget_.spend(static_cast<std::int64_t>(schedule.order.size()) * move_step_effort);
    if (plan && cost_of(*plan) < least()) best_ = std::move(plan);
  }

  // A bound on the plans without moves, made one on all: the others pay for a move beside the fluid optimum.
  std::int64_t with_moves(std::int64_t bound) const {
    if (options_.costs.move < 0) return bound;
    std::int64_t least = INT64_MAX;
    for (const Tracked& t : model_.tracked) least = std::min(least, t.bytes);
    if (least == INT64_MAX) return bound;  // nothing stays for two steps
    return std::min(bound, fluid_best_ + least * options_.costs.move);
  }

  // Plans whose cost reaches `most` are of no use.
  void offer(Schedule schedule, std::int64_t most = INT64_MAX) {
    Placing placing = placing_now();
    placing.options.nodes = placement_nodes;
    Placed placed = place_schedule(problem_, schedule, placing, std::min(least(), most));
    budget_.spend(placed.nodes * placement_node_effort);
    if (placed.plan) best_ = std::move(placed.plan);
    if (options_.costs.move >= 0 && !has_adjacent(problem_) && (!placed.plan || placed.repaired))
      offer_moved(schedule, placing);
    report();
  }

  FluidAnswer fluid(std::size_t width, std::int64_t threshold, std::uint64_t variety = 0,
                    std::int64_t most_states = INT64_MAX) {
    FluidQuery query;
    query.rules = options_.rules;
    query.threshold = threshold;
    query.width = width;
    query.variety = variety;
    query.most_states = most_states;
    query.layer_done = [&, before = states_](std::int64_t states) {
      states_ = before + states;
      report();
    };
    FluidAnswer answer = search_fluid(model_, pressure_, query, budget_, pool_);
    if (!answer.complete) raise(answer.bound, "a limit cut the search; least traffic of any plan it had not finished");
    return answer;
  }

  void take(const FluidAnswer& answer) {
    if (!answer.plan) return;
    take(make_schedule(problem_, model_, *answer.plan), answer.plan->cost);
  }

  void take(Schedule schedule, std::int64_t cost) {
    fluid_best_ = cost;
    offer(schedule);
    fluid_schedule_ = std::move(schedule);
  }

  double effort_left() const { return static_cast<double>(budget_.effort_left()); }
  double seconds_left() const { return budget_.deadline().left(); }

  // With that share of what the limits leave.
  Plan solve_part(const Problem& part, double share) {
    SolveOptions options = options_;
    options.divide = options.divide_only = false;
    options.progress = nullptr;
    Budget budget = budget_.share(share);
    return Solver(budget, part, bytes_, options, pool_).run();
  }

  // Runs `bound` for each piece with a share of that share by its operators; what one leaves unused goes to the next
  // ones. Returns the sum.
  template <typename Bound>
  std::int64_t sum_of_bounds(const std::vector<Problem>& pieces, double share, Bound&& bound) {
    const double keep_effort = effort_left() * (1 - share), keep_seconds = seconds_left() * (1 - share);
    std::size_t ahead = 0;
    for (const Problem& piece : pieces) ahead += piece.operators.size();
    std::int64_t sum = 0;
    for (const Problem& piece : pieces) {
      const double own = static_cast<double>(piece.operators.size()) / static_cast<double>(ahead);
      ahead -= piece.operators.size();
      const double left = std::min(1 - keep_effort / effort_left(), 1 - keep_seconds / seconds_left());
      if (over() || left <= 0) break;
      sum += bound(piece, left * own);
    }
    return sum;
  }

  // A bound from pieces whose optima add up to one: the parts between cuts, or two halves of what no cut divides.
  std::int64_t pieces_bound(const Problem& problem, double share, int depth) {
    std::vector<Problem> pieces;
    std::size_t most = 0;
    for (Part& piece : divide(problem, false)) {
      most = std::max(most, piece.problem.operators.size());
      pieces.push_back(std::move(piece.problem));
    }
    if (most > problem.operators.size() * 3 / 4) {
      const std::vector<bool> half = find_partition(problem);
      if (half.empty()) return 0;
      pieces = {side_of(problem, half, true), side_of(problem, half, false)};
    }
    return sum_of_bounds(pieces, share, [&](const Problem& piece, double own) {
      std::vector<Problem> parts;
      for (Part& part : divide(piece, true)) parts.push_back(std::move(part.problem));
      return sum_of_bounds(parts, own,
                           [&](const Problem& part, double part_share) { return part_bound(part, part_share, depth); });
    });
  }

  std::int64_t part_bound(const Problem& part, double share, int depth) {
    const Plan plan = solve_part(part, depth == 0 ? share : share / 4);
    if (plan.status == Status::optimal || depth == 0) return bound_of(plan);
    return std::max(bound_of(plan), pieces_bound(part, share / 2, depth - 1));
  }

  // Parts one by one, at most half of what the limits leave; then windows over the best plan there is.
  void conquer() {
    conquered_ = true;
    const std::vector<Part> parts = divide(problem_, true);
    std::vector<Plan> plans;
    std::int64_t bound = 0;
    std::size_t ahead = problem_.operators.size() * 2;
    for (const Part& part : parts) {
      if (parts.size() == 1 || over()) break;
      const double share = static_cast<double>(part.operators.size()) / static_cast<double>(ahead);
      ahead -= std::min(ahead - 1, part.operators.size());
      plans.push_back(solve_part(part.problem, share));
      std::int64_t least = bound_of(plans.back());
      if (plans.back().status == Status::feasible)
        least = std::max(least, pieces_bound(part.problem, share / 4, piece_depth));
      bound += least;
      raise(std::max(bound_, bound), divided_origin);
    }
    if (parts.size() == 1) {
      raise(std::max(bound_, pieces_bound(problem_, 0.5, piece_depth)), divided_origin);
      if (options_.divide_only) take(fluid(beam_widths[0], fluid_best_));
    }
    const auto planned = [](const Plan& plan) { return !plan.order.empty(); };
    if (plans.size() == parts.size() && std::all_of(plans.begin(), plans.end(), planned)) {
      Schedule whole = join(problem_, parts, plans);
      const std::int64_t cost = cost_of(problem_, whole, options_.costs);
      if (cost < fluid_best_) take(std::move(whole), cost);
      fluid_exact_ = fluid_best_ <= bound_;
    }
    improve();
  }

  void improve() {
    if (!fluid_schedule_ || done() || fluid_exact_) return;
    Improving how;
    how.scratchpad_bytes = bytes_;
    how.alignment = options_.alignment;
    how.costs = options_.costs;
    how.rules = options_.rules;
    how.bound = bound_;
    Schedule better = *fluid_schedule_;
    if (improve_by_windows(problem_, better, how, budget_, pool_) == 0) return;
    const std::int64_t cost = cost_of(problem_, better, options_.costs);
    take(std::move(better), cost);
  }

  // All at once when that is little work. Else in rising steps, so that a limit finds a bound already proven.
  void prove_order() {
    prove_below(fluid_best_, quick_states);
    if (options_.divide && !conquered_ && !done() && !fluid_exact_) conquer();
    for (std::int64_t part = 32; part >= 1 && !done() && !fluid_exact_; part /= 2) {
      if (fluid_best_ == INT64_MAX && part > 1) continue;
      const std::int64_t from = bound_;
      prove_below(part == 1 ? fluid_best_ : from + std::max<std::int64_t>(1, (fluid_best_ - from) / part), INT64_MAX);
    }
  }

  // Is there a cheaper plan, without addresses, below the threshold? One that is found there is optimal.
  void prove_below(std::int64_t threshold, std::int64_t most_states) {
    const FluidAnswer answer = fluid(0, threshold, 0, most_states);
    take(answer);
    fluid_exact_ = answer.complete && (answer.plan || threshold == fluid_best_);
    if (answer.complete && !fluid_exact_) raise(answer.bound, "search of all cheaper orders and replacements");
  }

  void search_order() {
    for (const std::size_t width : beam_widths) {
      if (done() || fluid_exact_ || !options_.beam) break;
      const FluidAnswer answer = fluid(width, fluid_best_);
      take(answer);
      fluid_exact_ = answer.complete;
    }
    if (!done() && !fluid_exact_) prove_order();
    if (fluid_exact_) raise(fluid_best_, "search of all orders and replacements, addresses left open");
  }

  // Other plans of the fluid optimum's cost, for one that can be placed.
  void vary(std::uint64_t first, std::uint64_t last) {
    const std::int64_t before = budget_.spent();
    for (std::uint64_t variety = first; variety <= last && !done(); ++variety) {
      if (budget_.spent() - before > varied_effort) return;
      const FluidAnswer answer = fluid(beam_widths[1], fluid_best_ + 1, variety);
      if (!answer.plan) continue;
      const bool repair = first == 1;  // of many, only one that needs none is of use
      offer(make_schedule(problem_, model_, *answer.plan), repair ? INT64_MAX : fluid_best_ + 1);
    }
  }

  // Small problems are decided at once; in others a plan is likelier among many of the fluid optimum's cost.
  void settle_addresses() {
    vary(1, varied_plans);
    if (has_in_place(problem_) || has_adjacent(problem_))
      return vary(varied_plans + 1, most_varied_plans);  // unknown to the search below
    if (!done()) search_addresses(quick_effort);
    vary(varied_plans + 1, most_varied_plans);
    if (!done()) search_addresses(INT64_MAX);
  }

  // Level by level: is there a plan with addresses of at most this cost?
  void search_addresses(std::int64_t most_effort) {
    Budget budget = budget_.part(most_effort);
    for (std::int64_t level = bound_; !done();) {
      AddressedQuery query{options_.rules, bytes_, options_.alignment};
      query.rules.free_operators = query.rules.waiting = false;
      query.threshold = level < least() ? level + 1 : least();
      const AddressedAnswer answer = search_addressed(problem_, model_, pressure_, query, budget, pool_);
      states_ += answer.states;
      report();
      if (!answer.complete) return;
      if (answer.schedule) return settle(*answer.schedule);
      level = std::min(answer.next, least());
      raise(with_moves(level), addressed_origin);
      infeasible_ = level == INT64_MAX && with_moves(level) == INT64_MAX;
      if (level == least()) return;
    }
  }

  void settle(const Schedule& schedule) {
    raise(with_moves(cost_of(problem_, schedule, options_.costs)), addressed_origin);
    Placed placed = place_schedule(problem_, schedule, placing_now(), least());
    if (placed.plan) best_ = std::move(placed.plan);
  }

  Plan finish() {
    if (!best_) return empty();
    Plan plan = std::move(*best_);
    set_bound(plan, std::min(bound_, cost_of(plan)), traffic_bound_);
    plan.status = bound_of(plan) == cost_of(plan) ? Status::optimal : Status::feasible;
    plan.bound_origin = plan.traffic_bytes == 0 ? "no traffic" : cost_of(plan) == 0 ? "no cost" : origin_;
    require_valid(problem_, plan);
    return plan;
  }

  Plan empty() const {
    Plan plan;
    plan.scratchpad_bytes = bytes_;
    plan.alignment = options_.alignment;
    plan.costs = options_.costs;
    set_bound(plan, bound_, traffic_bound_);
    plan.status = infeasible_ ? Status::infeasible : Status::undecided;
    plan.bound_origin = infeasible_ ? "no order has addresses for all its tensors" : origin_;
    return plan;
  }

  static constexpr std::string_view divided_origin = "sum over parts of the network";
  static constexpr std::string_view addressed_origin = "search of all orders, replacements and addresses";

  const Problem& problem_;
  std::int64_t bytes_;
  const SolveOptions& options_;
  Pool& pool_;
  Budget& budget_;
  Model model_;
  Pressure pressure_;
  std::optional<Plan> best_;
  std::int64_t bound_ = 0;
  std::int64_t traffic_bound_ = 0;  // of it, what is about loads and stores alone
  std::string origin_;
  std::int64_t fluid_best_ = INT64_MAX;
  std::optional<Schedule> fluid_schedule_;  // of that cost
  bool fluid_exact_ = false, infeasible_ = false, conquered_ = false;
  std::int64_t states_ = 0;
};

Plan too_small(const Problem& problem, std::int64_t bytes, const SolveOptions& options, const Required& required) {
  Plan plan;
  plan.scratchpad_bytes = bytes;
  plan.alignment = options.alignment;
  plan.costs = options.costs;
  plan.status = Status::infeasible;
  plan.bound_origin = fmt::format("operator '{}' needs {} bytes", problem.operators[required.op].name, required.bytes);
  return plan;
}

}  // namespace

Required required_size(const Problem& problem, std::int64_t alignment) {
  Required required;
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    const std::int64_t bytes = required_bytes(problem, static_cast<OperatorId>(op), alignment);
    if (required.op < 0 || bytes > required.bytes) required = {static_cast<OperatorId>(op), bytes};
  }
  return required;
}

Plan solve_within(Budget& budget, const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options,
                  Pool& pool) {
  validate(problem);
  check_options(scratchpad_bytes, options);
  check_costs(problem, options.costs);
  check_alignment(problem, options.alignment);
  const Required required = required_size(problem, options.alignment);
  if (required.bytes > scratchpad_bytes) return too_small(problem, scratchpad_bytes, options, required);
  return Solver(budget, problem, scratchpad_bytes, options, pool).run();
}

Plan solve(const Problem& problem, std::int64_t scratchpad_bytes, const SolveOptions& options, Pool& pool) {
  Budget budget(options.limits);
  return solve_within(budget, problem, scratchpad_bytes, options, pool);
}

}  // namespace pliant::plan
