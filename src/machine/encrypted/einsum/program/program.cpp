#include "machine/encrypted/einsum/program/program.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace pliant::einsum {
namespace {

template <typename... Visitors>
struct Cases : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Cases(Visitors...) -> Cases<Visitors...>;

struct Turn {  // a rotation of one ciphertext
  CipherId of = CipherId::none;
  std::int64_t steps = 0;
  auto operator<=>(const Turn&) const = default;  // NOLINT(modernize-use-nullptr): a false alarm
};

// By what the giant steps of a transform by strides rotate, and how often altogether.
struct Strides {
  std::set<std::int64_t> steps;
  std::int64_t count = 0;
};
Strides strides_of(const Transform& transform) {
  std::map<int, std::pair<std::int64_t, std::int64_t>> reach;  // of each result, both ways
  for (const Transform::Term& term : transform.terms) {
    auto& [back, forth] = reach[term.result];
    back = std::min(back, term.giant);
    forth = std::max(forth, term.giant);
  }
  Strides result;
  for (const auto& [number, ends] : reach) {
    if (ends.first < 0) result.steps.insert(-transform.stride);
    if (ends.second > 0) result.steps.insert(transform.stride);
    result.count += (ends.second - ends.first) / transform.stride;
  }
  return result;
}

// The rotations of a step: babies of a source are shared, giants of a result are done once.
struct Turns {
  std::set<Turn> hoisted, single;
  std::int64_t repeated = 0;  // by the distance of one that was counted

  std::int64_t count() const {
    return static_cast<std::int64_t>(hoisted.size() + single.size()) + repeated;
  }
};
Turns turns(const ProgramStep& step, std::int64_t slots) {
  Turns result;
  const auto note = [slots](std::set<Turn>& to, CipherId of, std::int64_t steps) {
    if (modulo(steps, slots) != 0) to.insert({of, modulo(steps, slots)});
  };
  if (const auto* rotate = std::get_if<Rotate>(&step.action))
    note(result.single, rotate->of, rotate->steps);
  const auto* transform = std::get_if<Transform>(&step.action);
  if (transform == nullptr) return result;
  for (const Transform::Term& term : transform->terms) {
    note(result.hoisted, transform->of[term.source], term.baby);
    if (transform->stride == 0) note(result.single, step.out[term.result], term.giant);
  }
  if (transform->stride == 0) return result;
  const Strides strides = strides_of(*transform);
  for (const std::int64_t steps : strides.steps) note(result.single, step.out[0], steps);
  result.repeated = strides.count - static_cast<std::int64_t>(strides.steps.size());
  return result;
}

}  // namespace

std::int64_t modulo(std::int64_t steps, std::int64_t slots) {
  return ((steps % slots) + slots) % slots;
}

double bound(const Plain& plain, const Program& program) {
  const double element = plain.tensor == ClearId::none ? 1 : program.clears[plain.tensor].bound;
  return std::abs(plain.factor) * element;
}

std::vector<CipherId> operands(const Action& action) {
  using Ids = std::vector<CipherId>;
  return std::visit(
      Cases{[](const Input&) { return Ids{}; },
            [](const Add& a) {
              return Ids{a.left, a.right};
            },
            [](const Multiply& a) {
              return Ids{a.left, a.right};
            },
            [](const Transform& a) { return a.of; }, [](const auto& a) { return Ids{a.of}; }},
      action);
}

Counts counts(const Program& program) {
  Counts result;
  for (const ProgramStep& step : program.steps) {
    const Turns turned = turns(step, program.slots);
    result.rotations += turned.count();
    std::visit(
        Cases{[&](const Input&) {
                result.levels =
                    std::max<std::int64_t>(result.levels, program.values[step.out[0]].level);
              },
              [&](const Add&) { ++result.additions; }, [&](const Multiply&) { ++result.products; },
              [&](const AddPlain&) { ++result.additions; },
              [&](const MultiplyPlain&) { ++result.plain_products; },
              [&](const Relinearize&) { ++result.key_switches; },
              [&](const Rescale&) { ++result.rescales; },
              [&](const Transform& t) {
                result.diagonals += static_cast<std::int64_t>(t.terms.size());
                result.rescales += static_cast<std::int64_t>(step.out.size());
              },
              [](const auto&) {}},
        step.action);
  }
  result.key_switches += result.rotations;
  const KeyNeed need = keys(program);
  result.keys = static_cast<std::int64_t>(need.rotations.size()) + (need.relinearization >= 0);
  return result;
}

namespace {

constexpr std::int64_t kRelinearization = 0;  // among rotations, of which none is by 0

// The level at which a step uses each key.
std::map<std::int64_t, int> keys_of(const ProgramStep& step, const Program& program) {
  std::map<std::int64_t, int> result;
  if (const auto* relinearize = std::get_if<Relinearize>(&step.action))
    result[kRelinearization] = program.values[relinearize->of].level;
  const Turns turned = turns(step, program.slots);
  for (const std::set<Turn>* set : {&turned.hoisted, &turned.single})
    for (const Turn& turn : *set)
      result[turn.steps] = program.values[operands(step.action)[0]].level;
  return result;
}

void note(KeyNeed& need, std::int64_t steps, int level) {
  if (steps == kRelinearization) need.relinearization = level;
  else need.rotations.push_back({steps, level});
}

}  // namespace

KeyNeed keys(const Program& program) {
  std::map<std::int64_t, int> highest;
  for (const ProgramStep& step : program.steps)
    for (const auto& [steps, level] : keys_of(step, program)) {
      int& most = highest.try_emplace(steps, level).first->second;
      most = std::max(most, level);
    }
  KeyNeed need;
  for (const auto& [steps, level] : highest) note(need, steps, level);
  return need;
}

std::vector<KeyTurnover> key_turnovers(const Program& program) {
  struct Life {
    std::size_t first, last;
    int level;
  };
  std::map<std::int64_t, Life> lives;
  for (std::size_t i = 0; i < program.steps.size(); ++i)
    for (const auto& [steps, level] : keys_of(program.steps[i], program)) {
      Life& life = lives.try_emplace(steps, Life{i, i, level}).first->second;
      life.last = i;
      life.level = std::max(life.level, level);
    }
  std::vector<KeyTurnover> result(program.steps.size());
  for (const auto& [steps, life] : lives) {
    note(result[life.first].first, steps, life.level);
    note(result[life.last].last, steps, life.level);
  }
  return result;
}

}  // namespace pliant::einsum
