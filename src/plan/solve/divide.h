// Divide and conquer for networks beyond the reach of one exact search. An operator that every
// other one precedes or follows cuts each order at the same downset; where nothing is alive there
// but what it has just made, the parts on either side are problems of their own and their optima
// add up. Other cuts still give a bound.
#pragma once

#include <vector>

#include "plan/format/plan.h"
#include "plan/schedule/schedule.h"

namespace pliant::plan {

struct Subproblem {
  Problem problem;
  // of the whole, per operator; -1: stands for the cut before the part
  std::vector<OperatorId> operators;
  std::vector<TensorId> tensors;  // of the whole, per tensor
};

// In the order in which they run. clean: cuts with nothing else alive only, so that the parts'
// optima add up to the whole's, addresses left open. Otherwise at every cut: what crosses one is
// free to leave and to come back at it, so that the optima add up to a lower bound.
std::vector<Subproblem> divide(const Problem& problem, bool clean);

// The parts' plans one after the other. Precondition: `plans` has a plan of each part.
Schedule join(const Problem& problem, const std::vector<Subproblem>& parts,
              const std::vector<Plan>& plans);

}  // namespace pliant::plan
