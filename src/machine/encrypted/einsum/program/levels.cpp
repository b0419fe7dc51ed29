// Levels backwards from the outputs, bounds forwards from the inputs.
#include <algorithm>
#include <cassert>
#include <map>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {
namespace {

bool consumes_level(const Action& action) {
  return std::holds_alternative<Rescale>(action) || std::holds_alternative<Transform>(action);
}

// The highest level that a use wants of each value; -1 where nothing uses it.
ById<CipherId, int> wanted_levels(const Program& program, int last) {
  ById<CipherId, int> wanted(program.values.size(), -1);
  for (const CipherId id : program.outputs) wanted[id] = last;
  for (auto step = program.steps.rbegin(); step != program.steps.rend(); ++step) {
    int level = -1;
    for (const CipherId id : step->out) level = std::max(level, wanted[id]);
    if (level < 0) continue;
    for (const CipherId id : step->out) wanted[id] = level;
    for (const CipherId id : operands(step->action))
      wanted[id] = std::max(wanted[id], level + (consumes_level(step->action) ? 1 : 0));
  }
  return wanted;
}

void replace_operands(Action& action, const auto& with) {
  if (auto* a = std::get_if<Add>(&action)) a->left = with(a->left), a->right = with(a->right);
  else if (auto* m = std::get_if<Multiply>(&action))
    m->left = with(m->left), m->right = with(m->right);
  else if (auto* t = std::get_if<Transform>(&action))
    for (CipherId& id : t->of) id = with(id);
  else if (auto* r = std::get_if<Rotate>(&action)) r->of = with(r->of);
  else if (auto* p = std::get_if<MultiplyPlain>(&action)) p->of = with(p->of);
  else if (auto* l = std::get_if<Relinearize>(&action)) l->of = with(l->of);
  else if (auto* s = std::get_if<Rescale>(&action)) s->of = with(s->of);
  else if (auto* w = std::get_if<Lower>(&action)) w->of = with(w->of);
}

State state_after(const Action& action, const Program& program, int level) {
  const std::vector<CipherId> of = operands(action);
  State state = of.empty() ? State{} : program.values[of[0]];
  state.level = level;
  if (std::holds_alternative<Multiply>(action)) state.factors = 2, state.parts = 3;
  if (std::holds_alternative<MultiplyPlain>(action)) state.factors = 2;
  if (std::holds_alternative<Relinearize>(action)) state.parts = 2;
  if (consumes_level(action)) state.factors = 1;
  return state;
}

// Rebuilds the steps that count with their levels, a Lower before each use that wants less.
class Leveling {
 public:
  Leveling(Program& program, int last) : program_(program), wanted_(wanted_levels(program, last)) {}

  void run() {
    std::vector<Step> steps = std::move(program_.steps);
    program_.steps.clear();
    for (Step& step : steps)
      if (wanted_[step.out[0]] >= 0) place(std::move(step));
  }

 private:
  void place(Step step) {
    const int level = wanted_[step.out[0]];
    const int before = level + (consumes_level(step.action) ? 1 : 0);
    replace_operands(step.action, [&](CipherId id) { return lowered(id, before); });
    for (const CipherId id : step.out)
      program_.values[id] = state_after(step.action, program_, level);
    program_.steps.push_back(std::move(step));
  }

  CipherId lowered(CipherId id, int level) {
    if (program_.values[id].level == level) return id;
    const auto known = lowered_.find({id, level});
    if (known != lowered_.end()) return known->second;
    assert(program_.values[id].factors == 1 && program_.values[id].level > level);
    State state = program_.values[id];
    state.level = level;
    const CipherId lower = program_.values.push_back(state);
    program_.steps.push_back({Lower{id, level}, {lower}});
    return lowered_[{id, level}] = lower;
  }

  Program& program_;
  ById<CipherId, int> wanted_;
  std::map<std::pair<CipherId, int>, CipherId> lowered_;
};

// The bound of the slots of result `r`: terms meet in a slot only where both have a cell.
double transform_bound(const Transform& transform, int r, const Program& program) {
  std::vector<double> sums(program.slots, 0);
  for (const Transform::Term& term : transform.terms) {
    if (term.result != r) continue;
    const Plain& plain = program.plains[term.plain];
    const double bound = (plain.tensor == ClearId::none ? 1 : program.clears[plain.tensor].bound) *
                         program.values[transform.of[term.source]].magnitude;
    for (const Plain::Cell& cell : plain.cells)
      sums[modulo(cell.slot - term.giant, program.slots)] += bound;
  }
  return *std::max_element(sums.begin(), sums.end());
}

double bound_of(const Step& step, std::size_t result, const Program& program) {
  const auto of = [&](CipherId id) { return program.values[id].magnitude; };
  const Action& action = step.action;
  if (const auto* input = std::get_if<Input>(&action)) return program.magnitudes[input->tensor];
  if (const auto* add = std::get_if<Add>(&action))
    return add->disjoint ? std::max(of(add->left), of(add->right)) : of(add->left) + of(add->right);
  if (const auto* multiply = std::get_if<Multiply>(&action))
    return of(multiply->left) * of(multiply->right);
  if (const auto* by = std::get_if<MultiplyPlain>(&action)) {
    const ClearId tensor = program.plains[by->by].tensor;
    return of(by->of) * (tensor == ClearId::none ? 1 : program.clears[tensor].bound);
  }
  if (const auto* transform = std::get_if<Transform>(&action))
    return transform_bound(*transform, static_cast<int>(result), program);
  return of(operands(action)[0]);
}

}  // namespace

void assign_levels(Program& program, int last) { Leveling(program, last).run(); }

void raise_levels(Program& program, int by) {
  for (State& state : program.values) state.level += by;
  for (Step& step : program.steps)
    if (auto* lower = std::get_if<Lower>(&step.action)) lower->level += by;
}

void assign_magnitudes(Program& program) {
  for (const Step& step : program.steps)
    for (std::size_t r = 0; r < step.out.size(); ++r)
      program.values[step.out[r]].magnitude = bound_of(step, r, program);
}

}  // namespace pliant::einsum
