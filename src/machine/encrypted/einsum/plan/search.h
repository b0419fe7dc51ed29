// Chooses a recipe for every node of a problem.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/einsum/plan/recipe.h"

namespace pliant::einsum {

struct Choice {
  std::vector<Contraction> nodes = {};
  std::vector<Recipe> recipes = {};     // of each node
  std::map<int, LayoutMove> last = {};  // of each output's value, where layouts are asked for
  std::vector<SlotLayout> inputs = {};  // of each encrypted input
  double weight = 0;
  Cost cost = {};
  bool exact = false;  // no choice of the layouts that are considered weighs less
  std::vector<std::string> reasons = {};
};

// Beam search over the nodes, and exact search for less (exact.h); a node of three or four
// encrypted operands is also tried as products of two, and nodes that may be one linear transform
// (joint.h) as one. The cheapest, up to `most`, whose layouts differ, cheapest first; each knows
// those that it was chosen before. Throws Error{capacity}.
std::vector<Choice> choices(const EinsumProblem& problem, const PlanOptions& options,
                            std::size_t most);
Choice search(const EinsumProblem& problem, const PlanOptions& options);

// The outputs of a choice, from the inputs' places; in the order of problem.outputs.
std::vector<PlacedTensor> emit(const EinsumProblem& problem, const Choice& choice,
                               std::vector<PlacedTensor> values, ProgramBuilder& builder);

// The program of a choice.
Plan emit(const EinsumProblem& problem, const Choice& choice, const PlanOptions& options);
}  // namespace pliant::einsum
