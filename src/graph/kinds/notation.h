// Einsum notation as people write it, expanded to the graph's Einsum: every ellipsis spelled out,
// size-1 axes that broadcast removed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/kinds/kinds.h"

namespace pliant {

struct Notation {  // one label per axis; '.' stands for an ellipsis, at most once per operand
  std::vector<std::string> in;
  std::string out;
};

// "bij,bjk->bik", "...ij,jk", "ii->i", " i j , j k -> i k ". Without "->" the output is implicit as
// in numpy: the ellipsis, then the labels that occur once, in ASCII order. Throws Error{format}
// with the column.
Notation parse_notation(std::string_view text, std::string_view place);

struct EinsumPlan {
  kind::Einsum einsum;
  // the shape each operand is reshaped to first: broadcast axes of size 1 are gone
  std::vector<Shape> operands;
};

// numpy's rules: ellipses align at the right, a label of size 1 in one operand broadcasts against
// another size in another operand. Throws Error{invalid} naming the label or operand.
EinsumPlan expand_notation(const Notation& notation, std::span<const Shape> operands,
                           std::string_view place);

}  // namespace pliant
