// One way to compute a node. Every label gets a place in a joint layout (the cube); operands are
// moved there and copied over the labels they lack, multiplied slot by slot, and summed.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/plan/move.h"
#include "machine/encrypted/einsum/plan/problem.h"

namespace pliant::einsum {

struct Preparation {  // of one encrypted operand
  Move move;
  std::vector<Axis> copies;  // made by doubling after the move
  int same_as = -1;          // an earlier operand that is prepared alike
  int levels = 0;
};

struct Sum {  // over a reduced label
  char label = '\0';
  std::int64_t stride = 0, count = 1;                        // in slots
  std::int64_t ciphertext_stride = 0, ciphertext_count = 1;  // over ciphertexts
};

struct Recipe {
  Layout cube;  // one axis for each label
  std::vector<Preparation> operands;
  bool mask_product = false;  // before sums that would read what is not zero
  std::vector<Sum> sums;
  // Instead of all that: one linear transform of the only encrypted operand, the clear ones its
  // diagonals.
  std::optional<Split> linear;
  Layout out;
  Cost cost;  // levels: of the deepest way from an operand to the result
};

// The moves that were looked up before: they depend on strides alone.
class Moves {
 public:
  explicit Moves(const CostTable& table) : table_(table) {}
  const Move& best(const Layout& from, const Layout& to, bool clean);
  const CostTable& table() const { return table_; }

 private:
  CostTable table_;
  std::map<std::string, Move> known_;
};

// Views are the encrypted operands' layouts as the node names them (problem.h). nullopt where the
// cube does not suit the operands. A `rough` recipe has costs that are bounds from below, and no
// moves.
std::optional<Recipe> make_recipe(const Node& node, const std::vector<Layout>& views,
                                  const Layout& cube, Moves& moves, bool rough);

// By a linear transform into the layout `out`; the node has one encrypted operand.
Recipe make_linear_recipe(const Layout& view, const Layout& out);

Placed emit(const Node& node, const std::vector<Placed>& operands, const Recipe& recipe,
            Builder& builder);

// What a transform costs at least in one ciphertext, and what any move does.
Cost transform_bound(const Layout& from, const Layout& to, const CostTable& table);
Cost least_cost(const Layout& from, const Layout& to, bool clean, const CostTable& table);

}  // namespace pliant::einsum
