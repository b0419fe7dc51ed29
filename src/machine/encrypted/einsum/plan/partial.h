// A chain of nodes planned up to one of them, and the ways to go on: what every search takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/einsum/plan/recipe.h"

namespace pliant::einsum {

struct Partial {
  std::vector<SlotLayout> values;  // of every encrypted value so far
  std::vector<bool> free;          // whether it is an input that no node has read
  std::vector<int> depths;
  std::vector<Recipe> recipes;
  std::map<int, LayoutMove> last;
  Cost cost;  // levels: of the deepest value
};

// A way to compute a node.
struct Candidate {
  SlotLayout layout;  // the cube, or the output's of a linear transform
  bool linear = false;
  double bound = 0;  // what the partial plan weighs with it, at least
};

// What the elements of a linear transform's diagonals take, each of which is written down; and how
// much that may be: above it a node is not planned as one.
double diagonal_bytes(const Contraction& node);
constexpr double kMostDiagonalBytes = 256 << 20;

// Of one problem; both arguments must outlive it. Remembers the moves and transforms that it worked
// out.
class Extending {
 public:
  Extending(const EinsumProblem& problem, const PlanOptions& options);

  Partial begin() const;
  double weight(const Partial& partial) const { return partial.cost.weight(options_.costs); }
  // Every way to compute the next node that is considered, roughly.
  std::vector<Candidate> candidates(const Partial& partial, const Contraction& node);
  // By one of them, exactly.
  Partial extended(const Partial& partial, const Contraction& node, const Candidate& candidate);
  // The next nodes by one transform (joint.h), where they may be one.
  std::vector<Partial> jointly(const Partial& partial, std::span<const Contraction> nodes);

 private:
  struct LinearResult {
    SlotLayout layout;
    Cost cost;  // at least
  };
  std::vector<SlotLayout> views(const Partial& partial, const Contraction& node) const;
  std::vector<SlotLayout> views(const Partial& partial, const Contraction& node,
                                const SlotLayout& cube) const;
  bool is_output(std::size_t value) const;
  std::optional<SlotLayout> wanted(const SlotLayout& out, std::size_t value) const;
  std::vector<LinearResult> linear_results(const Contraction& node, const SlotLayout& own,
                                           std::size_t value) const;
  const Recipe& linear_recipe(const SlotLayout& from, const SlotLayout& to);
  void add(Partial& partial, const Contraction& node, Recipe recipe);
  const LayoutMove& best_last(SlotLayout from, const SlotLayout& to);

  const EinsumProblem& problem_;
  const PlanOptions& options_;
  LayoutMoves moves_;
  std::vector<std::int64_t> packed_in_;   // ciphertexts that a free input takes row-major
  std::map<std::string, Recipe> linear_;  // that were looked up before
};

}  // namespace pliant::einsum
