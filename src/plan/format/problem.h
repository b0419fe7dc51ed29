// What the planner is asked: tensors with sizes and roles, operators that read and write them.
// Plain data; a checked Problem comes from problem_from_json() or from validate().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::plan {

using TensorId = std::int32_t;    // index into Problem::tensors
using OperatorId = std::int32_t;  // index into Problem::operators
using Step = std::int32_t;        // one operator runs per step, 0-based

// input: in off-chip memory before the first step. weight: the same; kept apart for reports.
// activation: computed and used on the way. output: computed, and in off-chip memory at the end;
// operators may read it as well.
enum class Role : std::uint8_t { input, weight, activation, output };

struct TensorInfo {
  std::string name;
  std::int64_t bytes = 0;  // >= 0
  Role role = Role::activation;
  bool operator==(const TensorInfo&) const = default;
};

// The operator writes `output` over `input`: the same bytes, `input` being read by nobody
// afterwards.
struct InPlace {
  TensorId output = 0, input = 0;
  bool operator==(const InPlace&) const = default;
};

struct Operator {
  std::string name;
  std::vector<TensorId> inputs, outputs;  // each tensor at most once in each list
  std::int64_t workspace = 0;             // scratch bytes held during its step only
  std::vector<InPlace> in_place = {};     // each tensor at most once
  // Lists of inputs that lie one after another, without gaps, in the operator's step: it reads each
  // list as one run.
  std::vector<std::vector<TensorId>> adjacent = {};
  bool operator==(const Operator&) const = default;
};

struct Problem {
  std::vector<TensorInfo> tensors;
  std::vector<Operator> operators;  // in the default order, which is a topological order
  bool operator==(const Problem&) const = default;
};

// Throws Error{invalid} naming the tensor or operator: duplicate names, ids out of range, negative
// sizes, sums beyond 2^62, a tensor with two producers or none, an input or weight that is
// produced, a cycle (naming the operators on it), operators out of order; a pair of in_place whose
// tensors are not the operator's, differ in size, or whose input an order of the operators may need
// later (it is an output, or read by an operator that is no ancestor). Reorders nothing.
void validate(const Problem& problem);

// The documented JSON (docs/formats.md): {"tensors":[{"name","bytes","role"}],
// "operators":[{"name","inputs":[],"outputs":[],"workspace"?,"in_place"?:[[output,input]],
// "adjacent"?:[[input, input ...]]}]}. Operators may stand in any order in the file; the Problem
// holds them in a stable topological one. `place` names the file in errors.
Problem problem_from_json(std::string_view text, std::string_view place);
std::string problem_to_json(const Problem& problem);

std::string_view name(Role role);
bool is_in_place(const Operator& op, TensorId output);  // written over an input
bool has_in_place(const Problem& problem);              // any operator of it
bool has_adjacent(const Problem& problem);

}  // namespace pliant::plan
