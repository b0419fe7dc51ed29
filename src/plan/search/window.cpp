#include "plan/search/window.h"

#include <algorithm>

#include "core/checked.h"
#include "plan/search/fluid.h"

namespace pliant::plan {
namespace {

constexpr Step window_steps = 48;
constexpr Step window_reach = 8;  // how far an end may move to where fewer bytes are alive
constexpr std::int64_t window_states = 30'000;
constexpr std::size_t window_width = 128;  // of the search that is tried when that is not enough

// A window as a problem of its own. Its first operator, `enter`, makes what is resident when the
// window begins: dirty tensors as activations, those with a copy as outputs (leaving costs one
// load); what is absent then has paid its way back and is an input. After the window's operators
// `exit` reads what the plan has resident there and fills the rest of the scratchpad, so that
// everything else must be absent; each of these is read once more, so that its way back is paid in
// the window. The optimum of this problem is thus the cheapest way through the window.
class Window {
 public:
  Window(const Problem& problem, const Schedule& schedule, Step from, Step to, const Improving& how)
      : problem_(problem),
        schedule_(schedule),
        from_(from),
        to_(to),
        how_(how),
        local_(problem.tensors.size(), -1) {
    collect();
    if (add_exit()) add_later();
  }

  bool usable() const { return usable_; }
  const Problem& part() const { return part_; }

  // The window's part of the plan as it is.
  Schedule present() const {
    Schedule part = make_schedule(part_, default_order());
    for (std::size_t i = 0; i < globals_.size(); ++i) {
      const TensorUses& uses = schedule_.uses[globals_[i].tensor];
      std::vector<bool>& dropped = part.uses[i].dropped;
      for (std::size_t gap = 0; gap < dropped.size(); ++gap)
        dropped[gap] = uses.dropped[globals_[i].first_gap + gap];
    }
    return part;
  }

  // The whole plan with the window's part replaced; nothing when the steps beside it forbid a
  // departure.
  std::optional<Schedule> splice(const Schedule& part) const {
    std::vector<OperatorId> order = schedule_.order;
    Step at = from_;
    for (const OperatorId op : part.order)
      if (operators_[op] >= 0) order[at++] = operators_[op];
    Schedule whole = make_schedule(problem_, order);
    for (std::size_t t = 0; t < whole.uses.size(); ++t)
      whole.uses[t].dropped = schedule_.uses[t].dropped;
    for (std::size_t i = 0; i < globals_.size(); ++i) {
      const auto& dropped = part.uses[i].dropped;
      std::vector<bool>& target = whole.uses[globals_[i].tensor].dropped;
      for (std::size_t gap = 0; gap < dropped.size(); ++gap)
        target[globals_[i].first_gap + gap] = dropped[gap];
    }
    for (std::size_t t = 0; t < whole.uses.size(); ++t)
      for (std::size_t gap = 0; gap < whole.uses[t].dropped.size(); ++gap)
        if (whole.uses[t].dropped[gap] && !may_drop(problem_, whole, t, gap)) return {};
    return whole;
  }

 private:
  struct Global {
    TensorId tensor = 0;
    std::size_t first_gap = 0;  // of the tensor in the plan: the part's gap 0
  };

  std::vector<OperatorId> default_order() const {
    std::vector<OperatorId> order(part_.operators.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    return order;
  }

  void collect() {
    operators_.push_back(-1);
    part_.operators.push_back({"enter", {}, {}, 0});
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) take(t);
    for (Step step = from_; step < to_; ++step) add_operator(schedule_.order[step]);
  }

  // Decides how the tensor takes part, if it does.
  void take(TensorId t) {
    const TensorUses& uses = schedule_.uses[t];
    if (uses.steps.empty() || uses.steps.back() < from_ || uses.steps.front() >= to_) return;
    const auto index = [&](Step step) {
      return static_cast<std::size_t>(std::lower_bound(uses.steps.begin(), uses.steps.end(), step) -
                                      uses.steps.begin());
    };
    // uses [first, after) lie in the window
    const std::size_t first = index(from_), after = index(to_);
    const bool before = first > 0, later = after < uses.steps.size();
    const bool entered = before && !uses.dropped[first - 1];
    if (first == after && !entered) return;
    TensorInfo info = problem_.tensors[t];
    const bool copied = info.role != Role::activation ||
                        std::find(uses.dropped.begin(), uses.dropped.begin() + offset(first),
                                  true) != uses.dropped.begin() + offset(first);
    if (before) info.role = entered ? (copied ? Role::output : Role::activation) : Role::input;
    local_[t] = part_.tensors.size();
    part_.tensors.push_back(info);
    globals_.push_back({t, entered ? first - 1 : first});
    if (entered) part_.operators[0].outputs.push_back(local_[t]);
    if (later) (uses.dropped[after - 1] ? absent_ : resident_).push_back(local_[t]);
  }

  static std::ptrdiff_t offset(std::size_t first) { return first > 0 ? first - 1 : 0; }

  TensorId add_token() {  // orders operators and takes no room
    const TensorId token = part_.tensors.size();
    part_.tensors.push_back({"after " + std::to_string(token), 0, Role::activation});
    return token;
  }

  void add_operator(OperatorId op) {
    const Operator& each = problem_.operators[op];
    Operator made{each.name, {entered()}, {add_token()}, each.workspace};
    tokens_.push_back(made.outputs[0]);
    for (const TensorId t : each.inputs) made.inputs.push_back(local_[t]);
    for (const TensorId t : each.outputs) made.outputs.push_back(local_[t]);
    for (const InPlace& pair : each.in_place)
      made.in_place.push_back({local_[pair.output], local_[pair.input]});
    part_.operators.push_back(std::move(made));
    operators_.push_back(op);
  }

  TensorId entered() {
    if (entered_ < 0) part_.operators[0].outputs.push_back(entered_ = add_token());
    return entered_;
  }

  bool add_exit() {
    std::int64_t held = 0;
    for (const TensorId t : resident_) held += round_up(part_.tensors[t].bytes, how_.alignment);
    const std::int64_t rest = how_.scratchpad_bytes / how_.alignment * how_.alignment - held;
    usable_ = rest >= 0;
    exit_ = add_token();
    Operator made{"exit", resident_, {exit_}, std::max<std::int64_t>(0, rest)};
    made.inputs.insert(made.inputs.end(), tokens_.begin(), tokens_.end());
    part_.operators.push_back(std::move(made));
    operators_.push_back(-1);
    return usable_;
  }

  void add_later() {
    for (const TensorId t : absent_) {
      part_.operators.push_back({"later " + std::to_string(t), {t, exit_}, {}, 0});
      operators_.push_back(-1);
    }
  }

  const Problem& problem_;
  const Schedule& schedule_;
  Step from_, to_;
  const Improving& how_;
  std::vector<TensorId> local_;
  Problem part_;
  std::vector<Global> globals_;        // of the first tensors of part_; tokens have none
  std::vector<OperatorId> operators_;  // of the part to the problem's; -1: enter, exit, later
  std::vector<TensorId> resident_, absent_, tokens_;
  TensorId entered_ = -1, exit_ = -1;
  bool usable_ = false;
};

class Improver {
 public:
  Improver(const Problem& problem, Schedule& schedule, const Improving& how, Budget& budget,
           ThreadPool& pool)
      : problem_(problem), schedule_(schedule), how_(how), budget_(budget), pool_(pool) {}

  int run() {
    const Step steps = schedule_.order.size();
    int gained = 0;
    for (int round = 0;; ++round) {
      const int before = gained;
      find_alive();
      for (Step from = round % 2 * window_steps / 4; from < steps; from += window_steps / 2) {
        if (budget_.over() || cost(problem_, schedule_) <= how_.bound) return gained;
        if (improve(narrow(from), narrow(std::min(steps, from + window_steps)))) ++gained;
      }
      if (gained == before && round > 0) return gained;
    }
  }

 private:
  std::int64_t cost(const Problem& problem, const Schedule& schedule) const {
    return cost_of(problem, schedule, how_.costs);
  }

  void find_alive() {
    alive_.assign(schedule_.order.size() + 1, 0);
    for (std::size_t t = 0; t < schedule_.uses.size(); ++t) {
      const auto& steps = schedule_.uses[t].steps;
      for (Step s = steps.empty() ? 0 : steps.front() + 1; !steps.empty() && s <= steps.back(); ++s)
        alive_[s] += problem_.tensors[t].bytes;
    }
  }

  // The step nearby before which the fewest bytes are alive.
  Step narrow(Step step) const {
    const Step steps = schedule_.order.size();
    if (step <= 0 || step >= steps) return std::clamp<Step>(step, 0, steps);
    const auto first = alive_.begin() + std::max<Step>(1, step - window_reach);
    const auto last = alive_.begin() + std::min<Step>(steps, step + window_reach + 1);
    return std::min_element(first, last) - alive_.begin();
  }

  bool improve(Step from, Step to) {
    if (to - from < 2) return false;
    const Window window(problem_, schedule_, from, to, how_);
    if (!window.usable()) return false;
    const std::int64_t now = cost(window.part(), window.present());
    if (now == 0) return false;
    const ScheduleModel model =
        make_model(window.part(), how_.scratchpad_bytes, how_.alignment, how_.costs);
    const Pressure pressure = make_pressure(model);
    FluidQuery query;
    query.rules = how_.rules;
    query.threshold = now;
    query.most_states = window_states;
    FluidAnswer answer = search_fluid(model, pressure, query, budget_, pool_);
    if (!answer.plan && !answer.complete && !budget_.over()) {
      query.width = window_width;
      query.most_states = INT64_MAX;
      answer = search_fluid(model, pressure, query, budget_, pool_);
    }
    if (!answer.plan) return false;
    auto whole = window.splice(make_schedule(window.part(), model, *answer.plan));
    if (!whole || cost(problem_, *whole) >= cost(problem_, schedule_)) return false;
    schedule_ = std::move(*whole);
    return true;
  }

  const Problem& problem_;
  Schedule& schedule_;
  const Improving& how_;
  Budget& budget_;
  ThreadPool& pool_;
  std::vector<std::int64_t> alive_;  // bytes alive between steps
};

}  // namespace

int improve_by_windows(const Problem& problem, Schedule& schedule, const Improving& how,
                       Budget& budget, ThreadPool& pool) {
  return Improver(problem, schedule, how, budget, pool).run();
}

}  // namespace pliant::plan
