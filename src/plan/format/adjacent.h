// Inputs that an operator reads as one run of bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "plan/format/problem.h"

namespace pliant::plan {

// The operator's `adjacent` lists put together: lists that share tensors become one line, in which
// each tensor stands once. Precondition: the problem is valid.
std::vector<std::vector<TensorId>> lines_of(const Operator& op);

// Throws Error{invalid} for a list of fewer than two tensors, of tensors that the operator does not
// read, or lists that give a tensor two neighbours on one side or go round in a circle.
void check_adjacent(const Problem& problem, std::string_view place);

// Throws Error{invalid} when a tensor that another follows ends where no address may be.
void check_alignment(const Problem& problem, std::int64_t alignment);

// Who lies before and after whom, while lists are added. Ids are of tensors, or of anything else
// that lies in a line.
class Neighbours {
 public:
  explicit Neighbours(std::size_t count) : before_(count, -1), after_(count, -1) {}

  // False, and nothing is changed, when an id would get two neighbours on one side or the line
  // would close.
  bool add(const std::vector<std::int32_t>& list);
  // of two or more, ascending by their first id
  std::vector<std::vector<std::int32_t>> lines() const;

 private:
  std::vector<std::int32_t> before_, after_;  // -1: none
};

}  // namespace pliant::plan
