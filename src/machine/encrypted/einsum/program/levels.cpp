// Levels, backwards from the outputs.
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
  else if (auto* q = std::get_if<AddPlain>(&action)) q->of = with(q->of);
  else if (auto* n = std::get_if<Negate>(&action)) n->of = with(n->of);
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
    std::vector<ProgramStep> steps = std::move(program_.steps);
    program_.steps.clear();
    for (ProgramStep& step : steps)
      if (wanted_[step.out[0]] >= 0) place(std::move(step));
  }

 private:
  void place(ProgramStep step) {
    const int level = wanted_[step.out[0]];
    const int before = level + (consumes_level(step.action) ? 1 : 0);
    replace_operands(step.action, [&](CipherId id) { return lowered(id, before); });
    for (const CipherId id : step.out) {
      State state = state_after(step.action, program_, level);
      state.claim = program_.values[id].claim;
      program_.values[id] = state;
    }
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

}  // namespace

void assign_levels(Program& program, int last) { Leveling(program, last).run(); }

void raise_levels(Program& program, int by) {
  for (State& state : program.values) state.level += by;
  for (ProgramStep& step : program.steps)
    if (auto* lower = std::get_if<Lower>(&step.action)) lower->level += by;
}

}  // namespace pliant::einsum
