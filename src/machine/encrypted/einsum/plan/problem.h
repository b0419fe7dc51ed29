// Expressions over numbered tensors, read into nodes: what every planner starts from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/kinds/kinds.h"
#include "machine/encrypted/einsum/layout/layout.h"
#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

struct EinsumOperand {
  Shape shape;
  bool secret = true;
  double magnitude = 1;  // bound of |element|
  // As it lies in its ciphertexts: another plan's output, say. Row-major where nothing is given.
  std::optional<SlotLayout> layout = {};
};

// One einsum of a chain. Operands are numbered: first the inputs of the chain, then the results of
// its stages, in order.
struct Stage {
  std::string expression;
  std::vector<int> operands;
};

// A stage without what is in the clear: labels that only clear operands have are summed there.
struct Contraction {
  std::string out = {};
  std::vector<int> values = {};          // the encrypted operands
  std::vector<std::string> labels = {};  // of each, without axes of size 1 that broadcast
  std::vector<Shape> shapes = {};        // of each
  bool has_clear = false;
  Clear clear = {};                         // the product of the others
  std::string order = {};                   // labels as they first appear in the expression
  std::map<char, std::int64_t> sizes = {};  // of every label in `out` or `labels`
  std::string outside = {};  // labels that are to lie over ciphertexts, where there are any
};

// The einsums of a chain. Nodes that multiply one encrypted value by what is in the clear, and
// nothing else, follow each other: they may become one linear map of several results.
struct EinsumProblem {
  std::string text = {};
  std::vector<EinsumOperand> inputs = {};
  std::vector<std::string> input_labels =
      {};  // as their first stage names them; '_' where broadcast
  std::vector<Contraction> nodes = {};
  std::vector<int> outputs = {};  // values: results that no stage uses
};

// Of a node's result, or an input.
Shape shape_of(const EinsumProblem& problem, int value);

// How many nodes from number `first` on multiply the same encrypted value by tensors in the clear.
std::size_t joint_count(const std::vector<Contraction>& nodes, std::size_t first);

// Throws Error{format} or {invalid} as expand_notation() does, naming label or operand; {invalid}
// for an operand that does not exist or has a layout of another shape; {unsupported} for a layout
// with rolls or a period, and for a stage without encrypted operands; {invalid} for a bound that is
// not finite and above 0; {capacity} for labels that together take more slots than can be counted.
EinsumProblem read_problem(std::span<const Stage> stages, std::span<const EinsumOperand> operands);

// A value's layout as a node names its axes: axes that broadcast are gone, and a label that stands
// twice is one axis along the diagonal.
SlotLayout view(const SlotLayout& layout, const std::string& labels, const Shape& shape);

// The layout whose view is `as`; `layout` is any other one of the tensor. No label stands twice.
SlotLayout of_view(SlotLayout layout, const SlotLayout& as, const Shape& shape);
bool labels_differ(const std::string& labels);

// The ways to compute a node of three or more encrypted operands by products of two, as nodes whose
// results follow value number `next - 1`; none for fewer operands, or more than four.
std::vector<std::vector<Contraction>> pairwise(const Contraction& node, int next);

}  // namespace pliant::einsum
