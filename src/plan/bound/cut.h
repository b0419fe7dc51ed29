// The least bytes that can be alive beside an operator, over all orders from a downset on: a
// minimum cut. An order reaches the operator with some downset executed that holds its ancestors
// and none of its descendants; what that downset leaves alive is the capacity of a cut between
// executed and pending operators.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plan/bound/bits.h"
#include "plan/bound/model.h"

namespace pliant::plan {

struct Cut {
  std::int64_t alive = 0;  // bytes alive beside the operator, its own left out
  Bitset executed;         // a downset that leaves no more
};

class CutFinder {
 public:
  explicit CutFinder(const ScheduleModel& model);

  // Thread-safe. `done` is the downset so far and does not hold op.
  Cut find(const Bitset& done, OperatorId op) const;

  // Divides the bytes of every tensor that can be alive beside op; 0 when there is none.
  std::int64_t unit(OperatorId op) const { return units_[op]; }
  bool before(OperatorId a, OperatorId b) const { return has(&ancestors_[b * words_], a); }

 private:
  const ScheduleModel& model_;
  std::size_t words_ = 0;
  Bitset ancestors_;  // [operator][operator]
  std::vector<std::int64_t> units_;
};

}  // namespace pliant::plan
