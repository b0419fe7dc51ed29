// Exact search for one field, level by level from the bottom. Every box not yet placed lies at or
// above the current level, so placing a box at the level lifts every box that overlaps it to its
// top. A column of the level is chosen; either one of the boxes that may start there does, or none
// does and then, since boxes can be pushed down until each rests on something, each of them rests
// on a box that is not placed yet.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plan/place/field.h"

namespace pliant::place {

// Which box is tried first at a column: the heaviest, size^s * width^w * noise.
struct Tactic {
  double size = 1, width = 0;
  double noise = 0;  // standard deviation of the logarithm of a random factor
  std::uint64_t seed = 0;
};

struct Found {
  Outcome status = Outcome::undecided;
  std::vector<std::int64_t> offsets;  // units, per box, when placed
};

class Search {
 public:
  // Borrows both until destroyed. Throws Error{capacity} when the field is too large to index.
  Search(const Field& field, const PlaceOptions& options);
  ~Search();
  // May be called again: what has been found impossible is kept. `nodes` < 0: no limit.
  Found run(const Tactic& tactic, std::int64_t nodes);
  std::int64_t nodes() const;  // over all runs
  bool interrupted() const;    // by time or stop

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::place
