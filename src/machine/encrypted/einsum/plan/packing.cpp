#include "machine/encrypted/einsum/plan/packing.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numbers>
#include <string>
#include <utility>

#include "machine/encrypted/einsum/plan/recipe.h"

namespace pliant::einsum {
namespace {

constexpr std::size_t kMostTilings = 256;

// The bits of the address that an axis may change.
std::uint64_t bits(std::int64_t size, std::int64_t stride) {
  return (static_cast<std::uint64_t>(padded(size)) - 1)
         << std::countr_zero(static_cast<std::uint64_t>(stride));
}

class Packing {
 public:
  Packing(const SlotLayout& cube, const SlotLayout& view)
      : cube_(cube), result_{.slots = cube.slots, .axes = view.axes} {
    for (LabelAxis& axis : result_.axes)
      if (axis.size > 1)
        axis.stride = std::ranges::find(cube.axes, axis.label, &LabelAxis::label)->stride;
  }

  std::optional<SlotLayout> take(std::int64_t most) {
    if (ciphertext_count() <= most) copy();
    else move_inside();
    if (ciphertext_count() > most) return std::nullopt;
    return std::move(result_);
  }

 private:
  std::int64_t ciphertext_count() const {
    std::int64_t count = 1;
    for (const LabelAxis& axis : result_.axes)
      if (axis.size > 1) count *= extent(axis, result_.slots).ciphertext_count;
    return count;
  }

  void copy() {
    for (const LabelAxis& axis : cube_.axes) {
      const auto own = std::ranges::find(result_.axes, axis.label, &LabelAxis::label);
      const Sum in = extent(axis, result_.slots);
      if (axis.size > 1 && own == result_.axes.end() && in.count > 1)
        result_.copies.push_back({'\0', padded(in.count), in.stride});
    }
  }

  // What is left over ciphertexts is numbered without gaps.
  void move_inside() {
    const std::int64_t slots = result_.slots;
    std::uint64_t taken = 0;
    std::vector<LabelAxis*> outside;
    std::int64_t next = slots;
    for (LabelAxis& axis : result_.axes) {
      if (axis.size == 1) continue;
      if (axis.stride >= slots) outside.push_back(&axis);
      else taken |= bits(axis.size, axis.stride);
    }
    while (taken & static_cast<std::uint64_t>(next)) next *= 2;
    for (LabelAxis* axis : outside) {
      axis->stride = 1;
      while (bits(axis->size, axis->stride) & taken) axis->stride *= 2;
      if (padded(axis->size) * axis->stride > slots) {
        axis->stride = next;
        next *= padded(axis->size);
      }
      taken |= bits(axis->size, axis->stride);
    }
  }

  const SlotLayout& cube_;
  SlotLayout result_;
};

// How much of each label is inside.
using Tiles = std::map<char, std::int64_t>;

class Tiling {
 public:
  Tiling(const EinsumProblem& problem, std::int64_t slots)
      : problem_(problem), node_(problem.nodes[0]), slots_(slots) {
    for (const auto& [label, size] : node_.sizes)
      if (size > 1) labels_ += label;
  }

  std::vector<EinsumProblem> all() {
    choose(0, 1, {});
    return std::move(found_);
  }

 private:
  void choose(std::size_t at, std::int64_t product, Tiles tiles) {
    if (found_.size() >= kMostTilings) return;
    if (at == labels_.size()) {
      if (product == slots_) add(tiles);
      return;
    }
    const std::int64_t size = node_.sizes.at(labels_[at]), whole = padded(size);
    for (std::int64_t inside = 1; inside <= whole && product * inside <= slots_; inside *= 2) {
      if (inside < whole && size % inside != 0) continue;
      tiles[labels_[at]] = inside == whole ? size : inside;
      choose(at + 1, product * inside, tiles);
    }
  }

  // Unless every label is inside or outside as a whole.
  void add(const Tiles& tiles) {
    std::map<char, char> outer;  // the label of the outer part
    std::string used = labels_;
    for (const auto& [label, inside] : tiles) {
      if (inside == 1 || inside == node_.sizes.at(label)) continue;
      const char name = unused(used, label);
      used += name;
      outer[label] = name;
    }
    if (outer.empty()) return;
    EinsumProblem problem = problem_;
    Contraction& node = problem.nodes[0];
    for (const auto& [label, inside] : tiles) {
      if (inside == 1) node.outside += label;
      if (!outer.contains(label)) continue;
      node.outside += outer.at(label);
      node.sizes[outer.at(label)] = node.sizes.at(label) / inside;
      node.sizes[label] = inside;
    }
    part(node.out, nullptr, outer, tiles);
    for (std::size_t i = 0; i < node.labels.size(); ++i) {
      part(node.labels[i], &node.shapes[i], outer, tiles);
      const int value = node.values[i];
      problem.input_labels[value] = node.labels[i];
      problem.inputs[value].shape = node.shapes[i];
    }
    found_.push_back(std::move(problem));
  }

  static char unused(const std::string& used, char label) {
    const std::string wanted = std::string{static_cast<char>(label ^ 32)} +
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return wanted[std::min(wanted.find_first_not_of(used), wanted.size() - 1)];
  }

  static void part(std::string& labels, Shape* shape, const std::map<char, char>& outer,
                   const Tiles& tiles) {
    std::string parted;
    Shape sizes;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const char label = labels[i];
      const auto name = outer.find(label);
      if (name != outer.end()) parted += name->second;
      parted += label;
      if (shape == nullptr) continue;
      if (name != outer.end()) sizes.push_back((*shape)[i] / tiles.at(label));
      sizes.push_back(name != outer.end() ? tiles.at(label) : (*shape)[i]);
    }
    labels = std::move(parted);
    if (shape != nullptr) *shape = std::move(sizes);
  }

  const EinsumProblem& problem_;
  const Contraction& node_;
  std::int64_t slots_;
  std::string labels_;
  std::vector<EinsumProblem> found_;
};

bool has_tilings(const EinsumProblem& problem, std::int64_t slots) {
  if (problem.nodes.size() != 1 || problem.nodes[0].has_clear) return false;
  const Contraction& node = problem.nodes[0];
  if (node.sizes.size() > 12) return false;  // there are letters for their parts
  std::int64_t product = 1;
  for (const auto& [label, size] : node.sizes) product *= padded(size);
  if (product <= slots) return false;
  for (std::size_t i = 0; i < node.values.size(); ++i) {
    const EinsumOperand& operand = problem.inputs[node.values[i]];
    if (operand.layout || operand.shape != node.shapes[i] || !labels_differ(node.labels[i]) ||
        std::ranges::count(node.values, node.values[i]) > 1)
      return false;
  }
  return true;
}

}  // namespace

std::optional<SlotLayout> packed_for(const SlotLayout& cube, const SlotLayout& view,
                                     std::int64_t most) {
  if (!is_regular(cube)) return std::nullopt;
  return Packing(cube, view).take(most);
}

std::vector<EinsumProblem> tilings(const EinsumProblem& problem, std::int64_t slots) {
  if (!has_tilings(problem, slots)) return {};
  return Tiling(problem, slots).all();
}

namespace {

// The axis of the node's result that `axis` of its operand becomes, where the clear operands do not
// have it.
std::optional<int> through(const Contraction& node, int axis, std::size_t rank) {
  if (node.values.size() != 1 || node.labels[0].size() != rank) return std::nullopt;
  const char label = node.labels[0][axis];
  const auto has = [label](const std::string& labels) {
    return labels.find(label) != std::string::npos;
  };
  if (std::ranges::count(node.labels[0], label) > 1 || !has(node.out) ||
      std::ranges::any_of(node.clear.in, has))
    return std::nullopt;
  return static_cast<int>(node.out.find(label));
}

std::optional<Halving> follow(const EinsumProblem& problem, std::size_t input, int axis) {
  Halving result{input, {{static_cast<int>(input), axis}}};
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Contraction& node = problem.nodes[n];
    const auto from = result.axes.find(node.values[0]);
    if (from == result.axes.end()) return std::nullopt;
    const auto to = through(node, from->second, shape_of(problem, node.values[0]).size());
    if (!to) return std::nullopt;
    result.axes[static_cast<int>(problem.inputs.size() + n)] = *to;
  }
  return result;
}

}  // namespace

std::optional<Halving> halving(const EinsumProblem& problem) {
  if (std::ranges::count_if(problem.inputs, &EinsumOperand::secret) != 1) return std::nullopt;
  const auto input = static_cast<std::size_t>(
      std::ranges::find_if(problem.inputs, &EinsumOperand::secret) - problem.inputs.begin());
  const EinsumOperand& operand = problem.inputs[input];
  std::optional<Halving> best;
  std::int64_t most = 0;
  for (std::size_t axis = 0; axis < operand.shape.size() && !operand.layout; ++axis) {
    if (operand.shape[axis] % 2 != 0 || operand.shape[axis] <= most) continue;
    if (auto found = follow(problem, input, static_cast<int>(axis))) {
      best = std::move(found);
      most = operand.shape[axis];
    }
  }
  return best;
}

EinsumProblem halved(EinsumProblem problem, const Halving& by) {
  EinsumOperand& input = problem.inputs[by.input];
  input.shape[by.axes.at(static_cast<int>(by.input))] /= 2;
  input.magnitude *= std::numbers::sqrt2;
  for (Contraction& node : problem.nodes) {
    const int axis = by.axes.at(node.values[0]);
    node.shapes[0][axis] /= 2;
    node.sizes.at(node.labels[0][axis]) /= 2;
  }
  return problem;
}

void mark_halves(Plan& plan, const EinsumProblem& problem, const Halving& by) {
  const auto mark = [](auto& of, int axis) {
    of.shape[axis] *= 2;
    of.halved = axis;
  };
  mark(plan.inputs[by.input], by.axes.at(static_cast<int>(by.input)));
  for (std::size_t i = 0; i < plan.outputs.size(); ++i)
    mark(plan.outputs[i], by.axes.at(problem.outputs[i]));
}

}  // namespace pliant::einsum
