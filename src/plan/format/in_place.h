// What a problem may say about results written over an input; used by validation.
#pragma once

#include <string_view>
#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

// Throws Error{invalid} for a pair that some order of the operators would make wrong. Precondition:
// no cycles.
void check_in_place(const Problem& problem, std::string_view place);

// Who needs a tensor last whatever the order. Linear memory, a walk over the operators per operator
// asked about. The problem must outlive this and stay as it is.
class LastUses {
 public:
  explicit LastUses(const Problem& problem);

  // Whether nobody needs the tensor after the operator has run, in any order: it is no output, and
  // each other operator that reads it is an ancestor.
  bool is_last(TensorId tensor, OperatorId op);

 private:
  void find_ancestors(OperatorId op);

  const Problem& problem_;
  std::vector<OperatorId> producer_;  // -1: given
  std::vector<std::vector<OperatorId>> consumers_;
  std::vector<bool> ancestors_;  // of `of_`
  OperatorId of_ = -1;
};

}  // namespace pliant::plan
