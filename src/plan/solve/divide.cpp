#include "plan/solve/divide.h"

#include <algorithm>

#include "plan/baseline/baseline.h"
#include "plan/bound/bits.h"
#include "plan/bound/precedence.h"

namespace pliant::plan {
namespace {

struct Ends {
  std::vector<OperatorId> producer;             // per tensor; -1: given
  std::vector<OperatorId> first_use, last_use;  // as consumer, in the default order; -1: none
};

Ends ends_of(const Problem& problem) {
  Ends ends;
  ends.producer.assign(problem.tensors.size(), -1);
  ends.first_use = ends.last_use = ends.producer;
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    for (const TensorId t : problem.operators[op].outputs) ends.producer[t] = op;
    for (const TensorId t : problem.operators[op].inputs) {
      if (ends.first_use[t] < 0) ends.first_use[t] = op;
      ends.last_use[t] = op;
    }
  }
  return ends;
}

// Operators that all others precede or follow. In the default order these are the ones with as many
// ancestors as operators before them and as many descendants as operators after them.
std::vector<OperatorId> cut_operators(const Problem& problem) {
  const std::size_t count = problem.operators.size();
  const std::vector<Bitset> ancestors = find_ancestors(problem);
  std::vector<std::size_t> descendants(count, 0);
  std::vector<OperatorId> cuts;
  for (const Bitset& each : ancestors)
    for (std::size_t w = 0; w < each.size(); ++w)
      each_bit(each[w], w * 64, [&](std::size_t a) { ++descendants[a]; });
  for (std::size_t op = 0; op < count; ++op) {
    std::size_t before = 0;
    for (const std::uint64_t word : ancestors[op]) before += std::popcount(word);
    if (before == op && descendants[op] == count - 1 - op) cuts.push_back(op);
  }
  return cuts;
}

class Divider {
 public:
  explicit Divider(const Problem& problem)
      : problem_(problem), ends_(ends_of(problem)), local_(problem.tensors.size(), -1) {}

  std::vector<Subproblem> run(bool clean) {
    std::vector<Subproblem> parts;
    OperatorId from = 0, entry = -1;
    const OperatorId last = problem_.operators.size() - 1;
    for (const OperatorId cut : cut_operators(problem_)) {
      if (cut == last || problem_.operators[cut].outputs.empty() || (clean && !is_clean(cut)))
        continue;
      parts.push_back(make_part(entry, from, cut));
      from = cut + 1;
      entry = cut;
    }
    parts.push_back(make_part(entry, from, last));
    return parts;
  }

 private:
  bool is_clean(OperatorId cut) const {
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      if (problem_.tensors[t].bytes == 0 || ends_.producer[t] == cut || ends_.last_use[t] <= cut)
        continue;
      if (ends_.producer[t] >= 0 ? ends_.producer[t] < cut : ends_.first_use[t] <= cut)
        return false;
    }
    return true;
  }

  // Operators [from, to] of the default order; `entry` is the cut before them, -1 at the beginning.
  Subproblem make_part(OperatorId entry, OperatorId from, OperatorId to) {
    Subproblem part;
    std::fill(local_.begin(), local_.end(), -1);
    if (entry >= 0) {
      Operator made{"enter " + problem_.operators[entry].name, {}, {}, 0};
      for (const TensorId t : problem_.operators[entry].outputs)
        if (ends_.last_use[t] > entry) made.outputs.push_back(add_tensor(part, t, from, to));
      part.problem.operators.push_back(std::move(made));
      part.operators.push_back(-1);
    }
    for (OperatorId op = from; op <= to; ++op) {
      const Operator& each = problem_.operators[op];
      Operator made{each.name, {}, {}, each.workspace, {}};
      for (const TensorId t : each.inputs) made.inputs.push_back(add_tensor(part, t, from, to));
      for (const TensorId t : each.outputs) made.outputs.push_back(add_tensor(part, t, from, to));
      for (const InPlace& pair : each.in_place)
        made.in_place.push_back({local_[pair.output], local_[pair.input]});
      part.problem.operators.push_back(std::move(made));
      part.operators.push_back(op);
    }
    return part;
  }

  // What was made before the part is an input, but for what the cut made; what others need after it
  // is an output.
  TensorId add_tensor(Subproblem& part, TensorId t, OperatorId from, OperatorId to) {
    if (local_[t] >= 0) return local_[t];
    TensorInfo info = problem_.tensors[t];
    const bool made = ends_.producer[t] >= from - 1;  // by the cut or in the part
    if (ends_.producer[t] >= 0 && !made) info.role = Role::input;
    else if (ends_.producer[t] >= 0 && ends_.producer[t] < to && ends_.last_use[t] > to)
      info.role = Role::output;
    local_[t] = part.problem.tensors.size();
    part.problem.tensors.push_back(std::move(info));
    part.tensors.push_back(t);
    return local_[t];
  }

  const Problem& problem_;
  Ends ends_;
  std::vector<TensorId> local_;
};

}  // namespace

std::vector<Subproblem> divide(const Problem& problem, bool clean) {
  return Divider(problem).run(clean);
}

Schedule join(const Problem& problem, const std::vector<Subproblem>& parts,
              const std::vector<Plan>& plans) {
  std::vector<OperatorId> order;
  std::vector<Departure> leaves;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::vector<Step> step_of(plans[p].order.size(), -1);  // in the whole, per step of the part
    for (std::size_t s = 0; s < plans[p].order.size(); ++s) {
      const OperatorId op = parts[p].operators[plans[p].order[s]];
      if (op < 0) continue;
      step_of[s] = order.size();
      order.push_back(op);
    }
    const auto moved = [&](const Residency& residency) {
      return std::find(plans[p].events.begin(), plans[p].events.end(),
                       Event{residency.from, Action::move, residency.tensor}) !=
             plans[p].events.end();
    };
    std::vector<bool> seen(parts[p].tensors.size(), false);
    // by time: after the first, each begins with a load
    for (const Residency& residency : plans[p].residencies) {
      if (seen[residency.tensor] && step_of[residency.from] >= 0 && !moved(residency))
        leaves.push_back({parts[p].tensors[residency.tensor], step_of[residency.from]});
      seen[residency.tensor] = true;
    }
  }
  return make_schedule(problem, order, leaves);
}

}  // namespace pliant::plan
