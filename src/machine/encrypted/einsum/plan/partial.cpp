#include "machine/encrypted/einsum/plan/partial.h"

#include <algorithm>
#include <utility>

#include "machine/encrypted/einsum/plan/cubes.h"
#include "machine/encrypted/einsum/plan/finish.h"
#include "machine/encrypted/einsum/plan/joint.h"
#include "machine/encrypted/einsum/plan/packing.h"

namespace pliant::einsum {
namespace {

constexpr std::size_t kMostJoint = 4;  // layouts of the first of several results

// Whether one layout suits the operand wherever the node names it.
bool is_packable(const Contraction& node, std::size_t operand) {
  if (!labels_differ(node.labels[operand])) return false;
  for (std::size_t i = 0; i < node.values.size(); ++i)
    if (node.values[i] == node.values[operand] && node.labels[i] != node.labels[operand])
      return false;
  return true;
}

int depth_of(const Partial& partial, const Contraction& node) {  // of its operands
  int depth = 0;
  for (const int value : node.values) depth = std::max(depth, partial.depths[value]);
  return depth;
}

// The partial plan's cost with a node more, whose own cost is known.
Cost with(const Partial& partial, const Contraction& node, Cost cost) {
  const int depth = depth_of(partial, node) + std::exchange(cost.levels, 0);
  cost += partial.cost;
  cost.levels = std::max(partial.cost.levels, depth);
  return cost;
}

}  // namespace

double diagonal_bytes(const Contraction& node) {
  double bytes = sizeof(Plain::Cell);
  for (const auto& [label, size] : node.sizes) bytes *= static_cast<double>(size);
  return bytes;
}

Extending::Extending(const EinsumProblem& problem, const PlanOptions& options)
    : problem_(problem), options_(options), moves_(options.costs) {
  const Partial start = begin();
  for (std::size_t i = 0; i < start.values.size(); ++i)
    packed_in_.push_back(start.free[i] ? std::ssize(ciphertexts(start.values[i])) : 0);
}

Partial Extending::begin() const {
  Partial start;
  for (std::size_t i = 0; i < problem_.inputs.size(); ++i) {
    start.values.push_back(input_layout(problem_, i, options_.slots));
    start.depths.push_back(0);
    const EinsumOperand& input = problem_.inputs[i];
    start.free.push_back(options_.free_inputs && input.secret && !input.layout);
  }
  return start;
}

std::vector<SlotLayout> Extending::views(const Partial& partial, const Contraction& node) const {
  std::vector<SlotLayout> result;
  for (std::size_t i = 0; i < node.values.size(); ++i)
    result.push_back(view(partial.values[node.values[i]], node.labels[i], node.shapes[i]));
  return result;
}

// As they are multiplied in a cube: what the client may pack as one likes is packed for it.
std::vector<SlotLayout> Extending::views(const Partial& partial, const Contraction& node,
                                         const SlotLayout& cube) const {
  std::vector<SlotLayout> result = views(partial, node);
  for (std::size_t i = 0; i < node.values.size(); ++i) {
    const int value = node.values[i];
    if (!partial.free[value] || !is_packable(node, i)) continue;
    if (auto packed = packed_for(cube, result[i], packed_in_[value])) result[i] = *packed;
  }
  return result;
}

bool Extending::is_output(std::size_t value) const {
  return std::ranges::find(problem_.outputs, static_cast<int>(value)) != problem_.outputs.end();
}

// What an output's layout must be, where that is asked for.
std::optional<SlotLayout> Extending::wanted(const SlotLayout& out, std::size_t value) const {
  if (!is_output(value) || (!options_.canonical && !options_.clean)) return std::nullopt;
  if (!options_.canonical) {
    SlotLayout same = out;
    same.copies.clear();
    same.clean = true;
    return same;
  }
  return row_major(labels(out), shape(out), options_.slots);
}

// The layouts that a linear transform's result may have, `value` being its number: as cubes of
// its labels alone.
std::vector<Extending::LinearResult> Extending::linear_results(const Contraction& node,
                                                               const SlotLayout& own,
                                                               std::size_t value) const {
  std::vector<LinearResult> result;
  if (diagonal_bytes(node) > kMostDiagonalBytes) return result;
  Contraction output{.out = node.out};
  for (const char label : node.out) output.sizes[label] = node.sizes.at(label);
  SlotLayout kept = own;
  std::erase_if(kept.axes,
                [&](const LabelAxis& axis) { return !output.sizes.contains(axis.label); });
  for (const SlotLayout& cube : cubes(output, {kept}, options_.slots, options_.most_ciphertexts)) {
    SlotLayout out{.slots = options_.slots};
    for (const char label : node.out)
      out.axes.push_back(*std::ranges::find(cube.axes, label, &LabelAxis::label));
    Cost cost = transform_bound(own, out, options_.costs);
    if (const auto to = wanted(out, value))
      cost += least_cost(out, *to, options_.clean, options_.costs);
    result.push_back({std::move(out), cost});
  }
  return result;
}

std::vector<Candidate> Extending::candidates(const Partial& partial, const Contraction& node) {
  std::vector<Candidate> result;
  const std::size_t value = partial.values.size();
  const auto bound = [&](const Cost& cost) {
    return with(partial, node, cost).weight(options_.costs);
  };
  const std::vector<SlotLayout> own = views(partial, node);
  for (SlotLayout& cube : cubes(node, own, options_.slots, options_.most_ciphertexts)) {
    const std::optional<Recipe> rough =
        make_recipe(node, views(partial, node, cube), cube, moves_, true);
    if (!rough) continue;
    Cost cost = rough->cost;
    if (const auto to = wanted(rough->out, value))
      cost += least_cost(rough->out, *to, options_.clean, options_.costs);
    result.push_back({std::move(cube), false, bound(cost)});
  }
  if (node.values.size() == 1)
    for (LinearResult& out : linear_results(node, own[0], value))
      result.push_back({std::move(out.layout), true, bound(out.cost)});
  return result;
}

Partial Extending::extended(const Partial& from, const Contraction& node,
                            const Candidate& candidate) {
  Partial partial = from;
  const std::vector<SlotLayout> own =
      candidate.linear ? views(partial, node) : views(partial, node, candidate.layout);
  Recipe recipe = candidate.linear ? linear_recipe(own[0], candidate.layout)
                                   : *make_recipe(node, own, candidate.layout, moves_, false);
  for (std::size_t i = 0; i < own.size(); ++i) {
    SlotLayout& value = partial.values[node.values[i]];
    if (partial.free[node.values[i]] && is_packable(node, i))
      value = of_view(value, own[i], node.shapes[i]);
  }
  add(partial, node, std::move(recipe));
  return partial;
}

std::vector<Partial> Extending::jointly(const Partial& partial,
                                        std::span<const Contraction> nodes) {
  std::vector<Partial> next;
  std::vector<SlotLayout> own;
  for (const Contraction& node : nodes) own.push_back(views(partial, node)[0]);
  std::vector<std::vector<LinearResult>> results;  // of each node, the cheapest first
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    results.push_back(linear_results(nodes[i], own[i], partial.values.size() + i));
    std::ranges::stable_sort(results.back(), {}, [this](const LinearResult& result) {
      return result.cost.weight(options_.costs);
    });
  }
  for (std::size_t first = 0; first < std::min(results[0].size(), kMostJoint); ++first) {
    const auto runs = progressions(own[0], results[0][first].layout);
    std::vector<SlotLayout> layouts;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto alike = std::ranges::find_if(results[i], [&](const LinearResult& result) {
        return same_steps(runs, progressions(own[i], result.layout));
      });
      if (alike != results[i].end())
        layouts.push_back(i == 0 ? results[0][first].layout : alike->layout);
    }
    if (layouts.size() < nodes.size()) continue;
    for (std::vector<Recipe>& recipes : joint_recipes(own, layouts, options_.apart)) {
      Partial more = partial;
      for (std::size_t i = 0; i < nodes.size(); ++i) add(more, nodes[i], std::move(recipes[i]));
      next.push_back(std::move(more));
    }
  }
  return next;
}

const Recipe& Extending::linear_recipe(const SlotLayout& from, const SlotLayout& to) {
  const std::string key = to_string(from) + " to " + to_string(to);
  auto known = linear_.find(key);
  if (known == linear_.end()) known = linear_.emplace(key, make_linear_recipe(from, to)).first;
  return known->second;
}

void Extending::add(Partial& partial, const Contraction& node, Recipe recipe) {
  for (const int value : node.values) partial.free[value] = false;
  int depth = depth_of(partial, node) + recipe.cost.levels;
  Cost cost = recipe.cost;
  cost.levels = 0;
  if (const auto to = wanted(recipe.out, partial.values.size())) {
    const LayoutMove& move = best_last(recipe.out, *to);
    cost += move.cost;
    depth += move.cost.levels;
    cost.levels = 0;
    partial.last[static_cast<int>(partial.values.size())] = move;
  }
  partial.cost += cost;
  partial.cost.levels = std::max(partial.cost.levels, depth);
  partial.values.push_back(recipe.out);
  partial.free.push_back(false);
  partial.depths.push_back(depth);
  partial.recipes.push_back(std::move(recipe));
}

// Copies of an output are as good as zeros only where nobody asks for a clean one.
const LayoutMove& Extending::best_last(SlotLayout from, const SlotLayout& to) {
  if (!from.copies.empty()) from.copies.clear(), from.clean = false;
  return moves_.best(from, to, options_.clean);
}

}  // namespace pliant::einsum
