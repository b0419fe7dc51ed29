// What a group computes, for machines that run a group as one kernel.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "graph/passes/passes.h"

namespace pliant {

// result[i] = epilogue(operands), element by element at the result's shape. With an anchor
// (Convolve, Einsum, Pool) the operand 0 is the anchor's result, which is in no memory unless the
// epilogue is empty of Maps; it has as many elements as the result, in the same order, though
// perhaps another shape. The other operands broadcast to the result's shape.
struct GroupPattern {
  OpId anchor = OpId::none;  // none: Maps only
  // a Concat, a Slice or both, along axis 2, that give the anchor's operand 0
  std::vector<OpId> assembly;
  // of one argument: the anchor, a Pool, reads prologue(prologue_input) reshaped
  std::optional<Expr> prologue;
  ValueId prologue_input = ValueId::none;
  Expr epilogue;
  std::vector<ValueId> operands;  // argument i of the epilogue, each value once
  ValueId result = ValueId::none;
  DType dtype = DType::f32;  // of the result
};

// A Concat along axis 2, or a Slice of nothing but successive rows of axis 2.
bool moves_rows(const Graph& graph, const Op& op);

// Nothing for a single operator of another kind. Throws Error{invalid} when the Maps compose to
// more than 64 instructions (never for a group that groups() made).
std::optional<GroupPattern> group_pattern(const Graph& graph, const Group& group);

}  // namespace pliant
