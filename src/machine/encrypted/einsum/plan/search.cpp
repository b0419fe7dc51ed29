#include "machine/encrypted/einsum/plan/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/cubes.h"
#include "machine/encrypted/einsum/plan/finish.h"
#include "machine/encrypted/einsum/plan/joint.h"
#include "machine/encrypted/einsum/plan/packing.h"

namespace pliant::einsum {
namespace {

// Of the diagonals of a linear transform, which are written down one by one.
constexpr double kMostDiagonalElements = 1 << 22;
constexpr std::size_t kMostReasons = 3;  // alternatives that a choice tells of
constexpr std::size_t kMostJoint = 4;    // layouts of the first of several results
constexpr std::size_t kMostExact = 48;   // recipes of a node that are worked out, from the cheapest
constexpr std::size_t kMostTilings = 3;  // that are tried, and recipes of each
constexpr std::size_t kMostTiled = 4;

struct Partial {
  std::vector<SlotLayout> values;  // of every encrypted value so far
  std::vector<bool> free;          // whether it is an input that no node has read
  std::vector<int> depths;
  std::vector<Recipe> recipes;
  std::map<int, LayoutMove> last;
  Cost cost;  // levels: of the deepest value
};

struct Candidate {
  std::size_t partial = 0;
  SlotLayout layout;  // the cube, or the output's of a linear transform
  bool linear = false;
  double bound = 0;
};

struct LinearResult {
  SlotLayout layout;
  Cost cost;  // at least
};

class Beam {
 public:
  Beam(const EinsumProblem& problem, const PlanOptions& options)
      : problem_(problem), options_(options), moves_(options.costs) {
    Partial start;
    for (std::size_t i = 0; i < problem.inputs.size(); ++i) {
      start.values.push_back(input_layout(problem, i, options.slots));
      start.depths.push_back(0);
      const EinsumOperand& input = problem.inputs[i];
      start.free.push_back(options.free_inputs && input.secret && !input.layout);
      packed_in_.push_back(start.free[i] ? std::ssize(ciphertexts(start.values[i])) : 0);
    }
    beam_.push_back(std::move(start));
  }

  // What the first node costs at least.
  double bound() {
    const std::vector<Candidate> found = candidates(problem_.nodes[0]);
    return found.empty() ? std::numeric_limits<double>::infinity() : found[0].bound;
  }

  // Cheapest first; none where a node has no joint layout of few enough ciphertexts.
  std::vector<Choice> run() {
    std::size_t count = 1;
    for (std::size_t n = 0; n < problem_.nodes.size(); n += count) {
      count = joint_count(problem_.nodes, n);
      extend(std::span(problem_.nodes).subspan(n, count));
      if (beam_.empty()) return {};
    }
    std::vector<Choice> result;
    for (Partial& partial : beam_)
      result.push_back(
          {.nodes = problem_.nodes,
           .recipes = std::move(partial.recipes),
           .last = std::move(partial.last),
           .inputs = {partial.values.begin(), partial.values.begin() + std::ssize(problem_.inputs)},
           .weight = weight(partial),
           .cost = partial.cost});
    return result;
  }

 private:
  double weight(const Partial& partial) const { return partial.cost.weight(options_.costs); }

  std::vector<SlotLayout> views(const Partial& partial, const Contraction& node) const {
    std::vector<SlotLayout> result;
    for (std::size_t i = 0; i < node.values.size(); ++i)
      result.push_back(view(partial.values[node.values[i]], node.labels[i], node.shapes[i]));
    return result;
  }

  // As they are multiplied in a cube: what the client may pack as one likes is packed for it.
  std::vector<SlotLayout> views(const Partial& partial, const Contraction& node,
                                const SlotLayout& cube) const {
    std::vector<SlotLayout> result = views(partial, node);
    for (std::size_t i = 0; i < node.values.size(); ++i) {
      const int value = node.values[i];
      if (!partial.free[value] || !is_packable(node, i)) continue;
      if (auto packed = packed_for(cube, result[i], packed_in_[value])) result[i] = *packed;
    }
    return result;
  }

  // Whether one layout suits the operand wherever the node names it.
  static bool is_packable(const Contraction& node, std::size_t operand) {
    if (!labels_differ(node.labels[operand])) return false;
    for (std::size_t i = 0; i < node.values.size(); ++i)
      if (node.values[i] == node.values[operand] && node.labels[i] != node.labels[operand])
        return false;
    return true;
  }

  bool is_output(std::size_t value) const {
    return std::ranges::find(problem_.outputs, static_cast<int>(value)) != problem_.outputs.end();
  }

  // What an output's layout must be, where that is asked for.
  std::optional<SlotLayout> wanted(const SlotLayout& out, std::size_t value) const {
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
  std::vector<LinearResult> linear_results(const Contraction& node, const SlotLayout& own,
                                           std::size_t value) const {
    std::vector<LinearResult> result;
    double elements = 1;
    for (const auto& [label, size] : node.sizes) elements *= static_cast<double>(size);
    if (elements > kMostDiagonalElements) return result;
    Contraction output{.out = node.out};
    for (const char label : node.out) output.sizes[label] = node.sizes.at(label);
    SlotLayout kept = own;
    std::erase_if(kept.axes,
                  [&](const LabelAxis& axis) { return !output.sizes.contains(axis.label); });
    for (const SlotLayout& cube :
         cubes(output, {kept}, options_.slots, options_.most_ciphertexts)) {
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

  std::vector<Candidate> candidates(const Contraction& node) {
    std::vector<Candidate> result;
    for (std::size_t p = 0; p < beam_.size(); ++p) {
      const std::vector<SlotLayout> own = views(beam_[p], node);
      for (SlotLayout& cube : cubes(node, own, options_.slots, options_.most_ciphertexts)) {
        const std::optional<Recipe> rough =
            make_recipe(node, views(beam_[p], node, cube), cube, moves_, true);
        if (!rough) continue;
        Cost cost = beam_[p].cost + rough->cost;
        if (const auto to = wanted(rough->out, beam_[p].values.size()))
          cost += least_cost(rough->out, *to, options_.clean, options_.costs);
        result.push_back({p, std::move(cube), false, cost.weight(options_.costs)});
      }
      if (node.values.size() == 1)
        for (LinearResult& out : linear_results(node, own[0], beam_[p].values.size()))
          result.push_back(
              {p, std::move(out.layout), true, (beam_[p].cost + out.cost).weight(options_.costs)});
    }
    std::ranges::stable_sort(result, {}, &Candidate::bound);
    return result;
  }

  void extend(const Contraction& node) {
    std::vector<Partial> next;
    std::vector<Candidate> tried = candidates(node);
    tried.resize(std::min(tried.size(), node.outside.empty() ? kMostExact : kMostTiled));
    for (const Candidate& candidate : tried) next.push_back(extended(node, candidate));
    keep(std::move(next));
  }

  // One after the other, or as one transform.
  void extend(std::span<const Contraction> nodes) {
    std::vector<Partial> together;
    if (nodes.size() > 1)
      for (const Partial& partial : beam_) extend_jointly(partial, nodes, together);
    for (const Contraction& node : nodes) extend(node);
    std::ranges::move(together, std::back_inserter(beam_));
    if (nodes.size() > 1) keep(std::exchange(beam_, {}));
  }

  void extend_jointly(const Partial& partial, std::span<const Contraction> nodes,
                      std::vector<Partial>& next) {
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
  }

  void keep(std::vector<Partial> next) {
    std::ranges::stable_sort(next, {}, [this](const Partial& p) { return weight(p); });
    beam_.clear();
    for (Partial& partial : next) {  // of equal layouts the cheapest
      const bool known = std::ranges::any_of(beam_, [&](const Partial& other) {
        return other.values == partial.values && other.free == partial.free;
      });
      if (!known && std::cmp_less(beam_.size(), options_.width))
        beam_.push_back(std::move(partial));
    }
  }

  Partial extended(const Contraction& node, const Candidate& candidate) {
    Partial partial = beam_[candidate.partial];
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

  const Recipe& linear_recipe(const SlotLayout& from, const SlotLayout& to) {
    const std::string key = to_string(from) + " to " + to_string(to);
    auto known = linear_.find(key);
    if (known == linear_.end()) known = linear_.emplace(key, make_linear_recipe(from, to)).first;
    return known->second;
  }

  void add(Partial& partial, const Contraction& node, Recipe recipe) {
    int depth = 0;
    for (const int value : node.values) {
      depth = std::max(depth, partial.depths[value]);
      partial.free[value] = false;
    }
    Cost cost = recipe.cost;
    cost.levels = 0;
    depth += recipe.cost.levels;
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
  const LayoutMove& best_last(SlotLayout from, const SlotLayout& to) {
    if (!from.copies.empty()) from.copies.clear(), from.clean = false;
    return moves_.best(from, to, options_.clean);
  }

  const EinsumProblem& problem_;
  const PlanOptions& options_;
  LayoutMoves moves_;
  std::vector<std::int64_t> packed_in_;   // ciphertexts that a free input takes row-major
  std::map<std::string, Recipe> linear_;  // that were looked up before
  std::vector<Partial> beam_;
};

}  // namespace

namespace {

[[noreturn]] void refuse(const EinsumProblem& problem, const PlanOptions& options) {
  std::string products;
  for (const Contraction& node : problem.nodes) {
    std::int64_t product = 1;
    std::string sizes;
    for (const auto& [label, size] : node.sizes) {
      sizes += fmt::format("{}{} = {}", sizes.empty() ? "" : ", ", label, size);
      product *= padded(size);
    }
    products += fmt::format("{}{} take {} slots", products.empty() ? "" : "; ", sizes, product);
  }
  throw Error(ErrorKind::capacity, "einsum " + problem.text,
              fmt::format("{}, more than {} ciphertexts of {}", products, options.most_ciphertexts,
                          options.slots),
              "allow more ciphertexts, or split the expression");
}

}  // namespace

namespace {

std::string to_string(const Choice& choice) {
  std::string layouts;
  for (const Recipe& recipe : choice.recipes)
    layouts += fmt::format("{}{}", layouts.empty() ? "" : "; ", to_string(recipe.cube));
  return fmt::format("joint layout {}: {}", layouts, to_string(choice.cost));
}

}  // namespace

namespace {

std::vector<EinsumProblem> likeliest_tilings(const EinsumProblem& problem,
                                             const PlanOptions& options) {
  if (!options.free_inputs) return {};
  std::vector<std::pair<double, EinsumProblem>> found;
  for (EinsumProblem& tiled : tilings(problem, options.slots)) {
    const double bound = Beam(tiled, options).bound();
    found.emplace_back(bound, std::move(tiled));
  }
  std::ranges::stable_sort(found, {}, [](const auto& each) { return each.first; });
  std::vector<EinsumProblem> result;
  for (auto& [bound, tiled] : found)
    if (result.size() < kMostTilings) result.push_back(std::move(tiled));
  return result;
}

}  // namespace

std::vector<Choice> choices(const EinsumProblem& problem, const PlanOptions& options,
                            std::size_t most) {
  std::vector<Choice> all = Beam(problem, options).run();
  const int next = static_cast<int>(problem.inputs.size());
  std::vector<std::vector<Contraction>> ways;
  if (problem.nodes.size() == 1) ways = pairwise(problem.nodes[0], next);
  for (std::vector<Contraction>& nodes : ways) {
    EinsumProblem split = problem;
    split.outputs = {next + static_cast<int>(nodes.size()) - 1};
    split.nodes = std::move(nodes);
    std::ranges::move(Beam(split, options).run(), std::back_inserter(all));
  }
  for (const EinsumProblem& tiled : likeliest_tilings(problem, options))
    std::ranges::move(Beam(tiled, options).run(), std::back_inserter(all));
  if (all.empty()) refuse(problem, options);
  std::ranges::stable_sort(all, {}, &Choice::weight);
  std::vector<std::string> texts;
  for (const Choice& choice : all) texts.push_back(to_string(choice));
  all.resize(std::min(all.size(), most));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < std::min<std::size_t>(texts.size(), kMostReasons + 1); ++j)
      if (j != i) all[i].reasons.push_back("rejected: " + texts[j]);
  return all;
}

Choice search(const EinsumProblem& problem, const PlanOptions& options) {
  return std::move(choices(problem, options, 1).front());
}

std::vector<PlacedTensor> emit(const EinsumProblem& problem, const Choice& choice,
                               std::vector<PlacedTensor> values, ProgramBuilder& builder) {
  for (std::size_t n = 0; n < choice.nodes.size(); ++n) {
    std::vector<PlacedTensor> operands;
    for (const int value : choice.nodes[n].values) operands.push_back(values[value]);
    const std::size_t count = choice.recipes[n].sharing.nodes;
    if (!choice.recipes[n].linear)
      values.push_back(emit(choice.nodes[n], operands, choice.recipes[n], builder));
    else if (count > 0)
      std::ranges::move(
          emit_joint(std::span(choice.nodes).subspan(n, count),
                     std::span(choice.recipes).subspan(n, count), operands[0], builder),
          std::back_inserter(values));
  }
  std::vector<int> wanted{static_cast<int>(values.size()) - 1};
  if (choice.nodes.size() == problem.nodes.size()) wanted = problem.outputs;
  std::vector<PlacedTensor> outputs;
  for (const int value : wanted) {
    const auto last = choice.last.find(value);
    outputs.push_back(last == choice.last.end() ? values[value]
                                                : builder.moved(values[value], last->second));
  }
  return outputs;
}

Plan emit(const EinsumProblem& asked, const Choice& choice, const PlanOptions& options) {
  EinsumProblem problem = asked;
  for (std::size_t i = 0; i < problem.inputs.size(); ++i)
    if (problem.inputs[i].secret) problem.inputs[i].layout = choice.inputs[i];
  ProgramBuilder builder = new_builder(problem, options);
  const std::vector<PlacedTensor> outputs = emit(problem, choice, begin(problem, builder), builder);
  Plan plan = finish(problem, builder, outputs, options);
  for (std::size_t i = 0; i < plan.outputs.size(); ++i)
    plan.outputs[i].shape = shape_of(asked, asked.outputs[i]);
  std::vector<std::string> layouts;
  for (const Recipe& recipe : choice.recipes)
    layouts.push_back(fmt::format(
        "joint layout {}: {}", to_string(recipe.cube),
        recipe.sharing.nodes == 0 ? "in the transform before" : to_string(recipe.cost)));
  plan.reasons.insert(plan.reasons.begin(), layouts.begin(), layouts.end());
  plan.reasons.insert(plan.reasons.end(), choice.reasons.begin(), choice.reasons.end());
  return plan;
}

}  // namespace pliant::einsum
