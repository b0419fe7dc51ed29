#include <algorithm>
#include <numeric>

#include "core/time/deadline.h"
#include "plan/schedule/contiguous.h"
#include "plan/schedule/schedule.h"
#include "plan/schedule/verify.h"
#include "plan/search/fluid.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

// The most bytes alive at a step of that order when nothing ever leaves.
std::int64_t peak_of(const ScheduleModel& model, const std::vector<OperatorId>& order) {
  std::vector<std::size_t> uses(model.tracked.size(), 0);
  std::vector<bool> here(model.tracked.size(), false);
  std::int64_t live = 0, peak = 0;
  for (const OperatorId op : order) {
    const ModelOperator& o = model.operators[op];
    const auto arrive = [&](std::int32_t t) {
      if (!here[t]) live += model.tracked[t].space;
      here[t] = true;
    };
    for (const std::int32_t t : o.inputs) arrive(t);
    for (const std::int32_t t : o.outputs) arrive(t);
    peak = std::max(peak, live + o.local);
    for (const std::int32_t t : o.inputs)
      if (++uses[t] == model.tracked[t].consumers.size()) live -= model.tracked[t].space;
  }
  return peak;
}

// Halves the interval by asking for an order without traffic: the bound that prunes it is strongest
// at cost 0.
class PeakSearch {
 public:
  PeakSearch(const Problem& problem, const SolveOptions& options, ThreadPool& pool)
      : problem_(problem), options_(options), pool_(pool), budget_(options.limits) {}

  void run(ScratchpadSizes& sizes) {
    order_.resize(problem_.operators.size());
    std::iota(order_.begin(), order_.end(), 0);
    high_ = std::max(sizes.required.bytes,
                     peak_of(make_model(problem_, 0, options_.alignment), order_));
    low_ = sizes.required.bytes;
    std::int64_t ask = low_;
    while (low_ < high_ && try_size(ask)) ask = low_ + (high_ - low_) / 2;
    sizes.peak = high_;
    sizes.peak_lower = low_;
    sizes.peak_exact = low_ == high_;
    sizes.peak_order = std::move(order_);
  }

 private:
  // Moves low_ or high_ past `bytes`; false when a limit came first.
  bool try_size(std::int64_t bytes) {
    const ScheduleModel model = make_model(problem_, bytes, options_.alignment);
    const Pressure pressure = make_pressure(model);
    for (const std::size_t width : {64, 1024, 0}) {
      FluidQuery query;
      query.rules = options_.rules;
      query.threshold = 1;
      query.width = width;
      const FluidAnswer answer = search_fluid(model, pressure, query, budget_, pool_);
      if (answer.plan) {
        high_ = std::max(low_, std::min(bytes, peak_of(model, answer.plan->order)));
        order_ = answer.plan->order;
      }
      if (!answer.plan && answer.complete) low_ = bytes + 1;
      if (answer.plan || answer.complete) return true;
      if (budget_.over()) return false;
    }
    return false;
  }

  const Problem& problem_;
  const SolveOptions& options_;
  ThreadPool& pool_;
  Budget budget_;
  std::int64_t low_ = 0, high_ = 0;
  std::vector<OperatorId> order_;  // of peak high_
};

// The order without traffic, its addresses packed as low as they go.
Plan pack_order(const Problem& problem, const std::vector<OperatorId>& order,
                const SolveOptions& options) {
  const Schedule schedule = make_schedule(problem, order);
  const Layout layout = lay_out(problem, schedule);
  Placing placing;
  placing.options.alignment = options.alignment;
  placing.options.deadline = Deadline(no_time_limit, options.limits.stop);
  const place::Packed packed = pack_layout(problem, schedule, layout, placing.options);
  placing.scratchpad_bytes = packed.height;
  Plan plan = make_plan(problem, schedule, layout, packed.offsets, placing);
  plan.status = Status::optimal;
  plan.bound_origin = "no traffic";
  require_valid(problem, plan);
  return plan;
}

}  // namespace

ScratchpadSizes scratchpad_sizes(const Problem& problem, const SolveOptions& options,
                                 ThreadPool& pool) {
  validate(problem);
  ScratchpadSizes sizes;
  sizes.required = required_size(problem, options.alignment);
  PeakSearch(problem, options, pool).run(sizes);
  sizes.half = sizes.required.bytes + (sizes.peak - sizes.required.bytes) / 2;
  return sizes;
}

LeastMemory least_memory(const Problem& problem, const SolveOptions& options, ThreadPool& pool) {
  const Deadline deadline(options.limits.seconds, options.limits.stop);
  const ScratchpadSizes sizes = scratchpad_sizes(problem, options, pool);
  LeastMemory answer;
  answer.plan = pack_order(problem, sizes.peak_order, options);
  answer.objective = {Measure::peak_bytes, answer.plan.scratchpad_bytes, sizes.peak_lower,
                      "no order without traffic fits in less"};
  if (answer.objective.proven()) return answer;
  SolveOptions rest = options;
  rest.limits.seconds = std::max(0.0, deadline.left());
  const Plan plan = solve(problem, sizes.peak, rest, pool);
  const bool none = plan.status == Status::infeasible || plan.lower_bound_bytes > 0;
  if (none) answer.objective.bound = std::max(answer.objective.bound, sizes.peak + 1);
  else if (plan.status == Status::optimal && sizes.peak < answer.plan.scratchpad_bytes)
    answer.plan = plan;
  answer.objective.value = answer.plan.scratchpad_bytes;
  return answer;
}

}  // namespace pliant::plan
