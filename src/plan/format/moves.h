// Which residencies begin where a tensor was moved to, and in which order the moves of a step can
// happen.
#pragma once

#include <vector>

#include "plan/format/plan.h"

namespace pliant::plan {

struct Moves {
  std::vector<std::vector<bool>> into;  // per tensor and residency: it begins with a move
  // by step, then in an order in which each destination is free
  std::vector<Event> events;
};

// Where moves have a price, a residency that follows another one of its tensor at once begins with
// a move if there is no copy to load or a load costs more; where moves of a step wait for each
// other, those with a copy are loaded after all. `residencies`: by tensor and time; `created`: the
// step that makes each tensor, -1 for none. Throws Error{invalid} when moves still wait for each
// other.
Moves find_moves(const Problem& problem, const Plan& plan,
                 const std::vector<std::vector<Residency>>& residencies,
                 const std::vector<Step>& created);

}  // namespace pliant::plan
