#include "plan/baseline/baseline.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pliant::plan {
namespace {

class Belady {
 public:
  Belady(const Problem& problem, std::int64_t scratchpad_bytes)
      : problem_(problem), capacity_(scratchpad_bytes), tensors_(problem.tensors.size()) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const Role role = problem.tensors[i].role;
      tensors_[i].copied = role == Role::input || role == Role::weight;
      tensors_[i].fresh = tensors_[i].copied;
    }
    for (std::size_t step = 0; step < problem.operators.size(); ++step)
      for (const TensorId in : problem.operators[step].inputs) at(in).uses.push_back(step);
  }

  std::optional<Baseline> run() {
    for (std::size_t step = 0; step < problem_.operators.size(); ++step)
      if (!run_step(problem_.operators[step], step)) return {};
    return std::move(result_);
  }

 private:
  struct State {
    std::vector<Step> uses;
    std::size_t next = 0;  // index into uses
    bool resident = false, needed = false;
    bool copied = false;  // an off-chip copy exists
    bool fresh = false;   // its first load is compulsory, hence free
  };

  State& at(TensorId id) { return tensors_[id]; }
  std::int64_t size(TensorId id) const { return problem_.tensors[id].bytes; }

  bool run_step(const Operator& op, Step step) {
    std::int64_t space = op.workspace;
    for (const auto* list : {&op.inputs, &op.outputs})
      for (const TensorId id : *list) {
        if (!at(id).needed && !at(id).resident && !is_in_place(op, id)) space += size(id);
        at(id).needed = true;
      }
    while (used_ + space > capacity_)
      if (!evict()) return false;
    for (const TensorId id : op.inputs) load(id);
    for (const TensorId id : op.outputs) enter(id);
    for (const auto* list : {&op.inputs, &op.outputs})
      for (const TensorId id : *list) leave_behind(id, step);
    return true;
  }

  void enter(TensorId id) {
    if (at(id).resident) return;
    at(id).resident = true;
    used_ += size(id);
  }

  void load(TensorId id) {
    if (at(id).resident) return;
    if (!at(id).fresh) result_.traffic_bytes += size(id);
    at(id).fresh = false;
    enter(id);
  }

  // After the step: dead tensors go for nothing; an output's one store is compulsory and can happen
  // now.
  void leave_behind(TensorId id, Step step) {
    State& tensor = at(id);
    tensor.needed = false;
    while (tensor.next < tensor.uses.size() && tensor.uses[tensor.next] <= step) ++tensor.next;
    if (problem_.tensors[id].role == Role::output) tensor.copied = true;
    if (tensor.resident && tensor.next == tensor.uses.size()) remove(id);
  }

  void remove(TensorId id) {
    at(id).resident = false;
    used_ -= size(id);
  }

  bool evict() {
    TensorId furthest = -1;
    for (TensorId id = 0; id < std::ssize(tensors_); ++id) {
      const State& tensor = at(id);
      if (!tensor.resident || tensor.needed || size(id) == 0) continue;
      if (furthest < 0 || tensor.uses[tensor.next] > at(furthest).uses[at(furthest).next])
        furthest = id;
    }
    if (furthest < 0) return false;
    if (!at(furthest).copied) {
      result_.traffic_bytes += size(furthest);
      result_.stored_bytes += size(furthest);
    }
    at(furthest).copied = true;
    result_.leaves.push_back({furthest, at(furthest).uses[at(furthest).next]});
    remove(furthest);
    return true;
  }

  const Problem& problem_;
  std::int64_t capacity_, used_ = 0;
  Baseline result_;
  std::vector<State> tensors_;
};

}  // namespace

Schedule make_schedule(const Problem& problem, const std::vector<OperatorId>& order,
                       const std::vector<Departure>& leaves) {
  Schedule schedule = make_schedule(problem, order);
  for (const auto& [tensor, back] : leaves) {
    TensorUses& uses = schedule.uses[tensor];
    const auto use = std::lower_bound(uses.steps.begin(), uses.steps.end(), back);
    const std::size_t gap = use - uses.steps.begin() - 1;
    if (may_drop(problem, schedule, tensor, gap)) uses.dropped[gap] = true;
  }
  return schedule;
}

std::optional<Baseline> default_belady(const Problem& problem, std::int64_t scratchpad_bytes) {
  return Belady(problem, scratchpad_bytes).run();
}

}  // namespace pliant::plan
