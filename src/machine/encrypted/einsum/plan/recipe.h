// One way to compute a node. Every label gets a place in a joint layout (the cube); operands are
// moved there and copied over the labels they lack, multiplied slot by slot, and summed.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/einsum/plan/moves/move.h"
#include "machine/encrypted/einsum/plan/problem.h"

namespace pliant::einsum {

struct Preparation {  // of one encrypted operand
  LayoutMove move;
  std::vector<LabelAxis> copies;  // made by doubling after the move
  int same_as = -1;               // an earlier operand that is prepared alike
  // Move and copies by one linear transform, whose results share its babies: where the copies are
  // spread over several ciphertexts. These copies have labels.
  bool spread = false;
  int levels = 0;
};

struct Sum {  // over a reduced label
  char label = '\0';
  std::int64_t stride = 0, count = 1;                        // in slots
  std::int64_t ciphertext_stride = 0, ciphertext_count = 1;  // over ciphertexts
};

// How the linear transforms of `nodes` nodes are one (plan/joint.h): `in_one` results to a
// ciphertext, each from a multiple of `share` slots on.
struct Sharing {
  std::size_t nodes = 1;  // 0: an earlier node's recipe does this one, too
  std::int64_t in_one = 1, share = 0;

  std::int64_t group_of(std::size_t node) const { return std::int64_t(node) / in_one; }
  std::int64_t slot_of(std::size_t node) const { return std::int64_t(node) % in_one * share; }
  bool is_last(std::size_t node) const {  // in its ciphertext
    return node + 1 == nodes || slot_of(node + 1) == 0 || in_one == 1;
  }
  bool is_alone(std::size_t node) const { return is_last(node) && slot_of(node) == 0; }
};

struct Recipe {
  SlotLayout cube;  // one axis for each label
  std::vector<Preparation> operands;
  bool mask_product = false;  // before sums that would read what is not zero
  std::vector<Sum> sums;
  // Instead of all that: one linear transform of the only encrypted operand, the clear ones its
  // diagonals.
  std::optional<Split> linear;
  Sharing sharing = {};
  SlotLayout out;
  Cost cost;  // levels: of the deepest way from an operand to the result
};

// How an axis lies in slots and over ciphertexts. Strides and slots are powers of two wherever an
// axis reaches over a ciphertext's end.
Sum extent(const LabelAxis& axis, std::int64_t slots);
// Of a product of operands of these depths: they join two by two, the shallowest first.
int joined_depth(std::vector<int> depths);

// The moves that were looked up before: they depend on strides alone.
class LayoutMoves {
 public:
  explicit LayoutMoves(const CostTable& table) : table_(table) {}
  const LayoutMove& best(const SlotLayout& from, const SlotLayout& to, bool clean);
  const CostTable& table() const { return table_; }

 private:
  CostTable table_;
  std::map<std::string, LayoutMove> known_;
};

// Views are the encrypted operands' layouts as the node names them (problem.h). nullopt where the
// cube does not suit the operands. A `rough` recipe has costs that are bounds from below, and no
// moves.
std::optional<Recipe> make_recipe(const Contraction& node, const std::vector<SlotLayout>& views,
                                  const SlotLayout& cube, LayoutMoves& moves, bool rough);

// By a linear transform into the layout `out`; the node has one encrypted operand.
Recipe make_linear_recipe(const SlotLayout& view, const SlotLayout& out);
Recipe make_linear_recipe(const SlotLayout& view, const SlotLayout& out, Split split);

// By a recipe that is not a linear transform.
PlacedTensor emit(const Contraction& node, const std::vector<PlacedTensor>& operands,
                  const Recipe& recipe, ProgramBuilder& builder);

// What a transform costs at least in one ciphertext, and what any move does.
Cost transform_bound(const SlotLayout& from, const SlotLayout& to, const CostTable& table);
Cost least_cost(const SlotLayout& from, const SlotLayout& to, bool clean, const CostTable& table);

}  // namespace pliant::einsum
