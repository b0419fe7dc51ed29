// Random small problems of every shape the planner accepts: several outputs, shared and unused
// inputs, weights, operators without inputs, empty tensors, workspaces, outputs that are read
// again.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>

#include "core/rng.h"
#include "plan/bound/model.h"
#include "plan/format/in_place.h"
#include "plan/format/problem.h"

namespace pliant::plan {

constexpr Costs several_costs[] = {{1, 2}, {3, 1}, {0, 1}, {1, 0}, {5, 7}};

struct Shape {
  int least_operators = 2, most_operators = 8;
  std::int64_t largest = 4;  // bytes of a tensor
};

inline TensorId add_tensor(Problem& problem, Rng& rng, const Shape& shape, Role role) {
  const std::int64_t bytes = rng.below(12) == 0 ? 0 : rng.between(1, shape.largest);
  problem.tensors.push_back({"t" + std::to_string(problem.tensors.size()), bytes, role});
  return static_cast<TensorId>(problem.tensors.size() - 1);
}

inline Problem random_problem(Rng& rng, const Shape& shape) {
  Problem problem;
  const std::int64_t given = rng.between(0, 2);
  for (std::int64_t i = 0; i < given; ++i)
    add_tensor(problem, rng, shape, rng.below(4) == 0 ? Role::weight : Role::input);
  const std::int64_t count = rng.between(shape.least_operators, shape.most_operators);
  for (std::int64_t i = 0; i < count; ++i) {
    Operator op{"op" + std::to_string(i), {}, {}, rng.below(8) == 0 ? rng.between(1, 2) : 0};
    const std::int64_t inputs = rng.between(i == 0 || rng.below(8) == 0 ? 0 : 1, 3);
    for (std::int64_t k = 0; k < inputs && !problem.tensors.empty(); ++k) {
      const std::int64_t recent =
          std::min<std::int64_t>(static_cast<std::int64_t>(problem.tensors.size()), 6);
      const TensorId t = static_cast<TensorId>(static_cast<std::int64_t>(problem.tensors.size()) -
                                               1 - rng.below(recent));
      if (std::find(op.inputs.begin(), op.inputs.end(), t) == op.inputs.end())
        op.inputs.push_back(t);
    }
    const std::int64_t outputs = rng.below(5) == 0 ? 2 : 1;
    for (std::int64_t k = 0; k < outputs; ++k)
      op.outputs.push_back(
          add_tensor(problem, rng, shape, rng.below(6) == 0 ? Role::output : Role::activation));
    problem.operators.push_back(std::move(op));
  }
  return problem;
}

// Every operator reads the result before it and some of the few before that: nothing can leave for
// long, so that addresses bite.
inline Problem tight_problem(Rng& rng, const Shape& shape) {
  Problem problem;
  const std::int64_t count = rng.between(shape.least_operators, shape.most_operators);
  for (std::int64_t i = 0; i < count; ++i) {
    Operator op{"op" + std::to_string(i), {}, {}, 0};
    for (std::int64_t back = 1; back <= std::min<std::int64_t>(i, 4); ++back)
      if (back == 1 || rng.below(2) == 0) op.inputs.push_back(static_cast<TensorId>(i - back));
    problem.tensors.push_back(
        {"t" + std::to_string(i), rng.between(1, shape.largest), Role::activation});
    op.outputs.push_back(static_cast<TensorId>(i));
    problem.operators.push_back(std::move(op));
  }
  problem.tensors.back().role = Role::output;
  return problem;
}

// Half of the results that may be written over an input are. Returns their number.
inline int add_in_place_pairs(Problem& problem, Rng& rng) {
  std::vector<OperatorId> order(problem.operators.size());
  std::iota(order.begin(), order.end(), 0);
  LastUses uses(problem);
  int pairs = 0;
  for (const OperatorId id : order) {
    Operator& op = problem.operators[id];
    std::vector<TensorId> free = op.inputs;
    for (const TensorId out : op.outputs) {
      const auto fits = std::find_if(free.begin(), free.end(), [&](TensorId in) {
        return problem.tensors[in].bytes == problem.tensors[out].bytes && uses.is_last(in, id);
      });
      if (fits == free.end() || rng.below(2) == 0) continue;
      op.in_place.push_back({out, *fits});
      free.erase(fits);
      ++pairs;
    }
  }
  return pairs;
}

inline std::int64_t most_required(const Problem& problem, std::int64_t alignment = 1) {
  std::int64_t most = 0;
  for (std::size_t op = 0; op < problem.operators.size(); ++op)
    most = std::max(most, required_bytes(problem, static_cast<OperatorId>(op), alignment));
  return most;
}

}  // namespace pliant::plan
