#include "machine/encrypted/einsum/plan/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/exact.h"
#include "machine/encrypted/einsum/plan/finish.h"
#include "machine/encrypted/einsum/plan/joint.h"
#include "machine/encrypted/einsum/plan/packing.h"
#include "machine/encrypted/einsum/plan/partial.h"

namespace pliant::einsum {
namespace {

constexpr std::size_t kMostReasons = 3;  // alternatives that a choice tells of
constexpr std::size_t kMostWorked = 48;  // recipes of a node that are worked out, from the cheapest
constexpr std::size_t kMostTilings = 3;  // that are tried, and recipes of each
constexpr std::size_t kMostTiled = 4;

Choice choice_of(const EinsumProblem& problem, Partial partial, double weight) {
  return {.nodes = problem.nodes,
          .recipes = std::move(partial.recipes),
          .last = std::move(partial.last),
          .inputs = {partial.values.begin(), partial.values.begin() + std::ssize(problem.inputs)},
          .weight = weight,
          .cost = partial.cost};
}

class Beam {
 public:
  Beam(const EinsumProblem& problem, const PlanOptions& options)
      : problem_(problem), options_(options), extending_(problem, options) {
    beam_.push_back(extending_.begin());
  }

  // What the first node costs at least.
  double bound() {
    const std::vector<Way> found = ways(problem_.nodes[0]);
    return found.empty() ? std::numeric_limits<double>::infinity() : found[0].candidate.bound;
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
    for (Partial& partial : beam_) {
      const double weight = extending_.weight(partial);
      result.push_back(choice_of(problem_, std::move(partial), weight));
    }
    return result;
  }

 private:
  struct Way {
    std::size_t partial = 0;
    Candidate candidate;
  };

  std::vector<Way> ways(const Contraction& node) {
    std::vector<Way> result;
    for (std::size_t p = 0; p < beam_.size(); ++p)
      for (Candidate& candidate : extending_.candidates(beam_[p], node))
        result.push_back({p, std::move(candidate)});
    std::ranges::stable_sort(result, {}, [](const Way& way) { return way.candidate.bound; });
    return result;
  }

  void extend(const Contraction& node) {
    std::vector<Partial> next;
    std::vector<Way> tried = ways(node);
    tried.resize(std::min(tried.size(), node.outside.empty() ? kMostWorked : kMostTiled));
    for (const Way& way : tried) {
      if (options_.watch) options_.watch();
      next.push_back(extending_.extended(beam_[way.partial], node, way.candidate));
    }
    keep(std::move(next));
  }

  // One after the other, or as one transform.
  void extend(std::span<const Contraction> nodes) {
    std::vector<Partial> together;
    if (nodes.size() > 1)
      for (const Partial& partial : beam_)
        std::ranges::move(extending_.jointly(partial, nodes), std::back_inserter(together));
    for (const Contraction& node : nodes) extend(node);
    std::ranges::move(together, std::back_inserter(beam_));
    if (nodes.size() > 1) keep(std::exchange(beam_, {}));
  }

  void keep(std::vector<Partial> next) {
    std::ranges::stable_sort(next, {}, [this](const Partial& p) { return extending_.weight(p); });
    beam_.clear();
    for (Partial& partial : next) {  // of equal layouts the cheapest
      const bool known = std::ranges::any_of(beam_, [&](const Partial& other) {
        return other.values == partial.values && other.free == partial.free;
      });
      if (!known && std::cmp_less(beam_.size(), options_.width))
        beam_.push_back(std::move(partial));
    }
  }

  const EinsumProblem& problem_;
  const PlanOptions& options_;
  Extending extending_;
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

std::string to_string(const Choice& choice) {
  std::string layouts;
  for (const Recipe& recipe : choice.recipes)
    layouts += fmt::format("{}{}", layouts.empty() ? "" : "; ", to_string(recipe.cube));
  return fmt::format("joint layout {}: {}", layouts, to_string(choice.cost));
}

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

namespace {

// The chain as it is, a single node's products of two, the likeliest tilings.
std::vector<EinsumProblem> variants(const EinsumProblem& problem, const PlanOptions& options) {
  std::vector<EinsumProblem> all{problem};
  const int next = static_cast<int>(problem.inputs.size());
  std::vector<std::vector<Contraction>> ways;
  if (problem.nodes.size() == 1) ways = pairwise(problem.nodes[0], next);
  for (std::vector<Contraction>& nodes : ways) {
    EinsumProblem split = problem;
    split.outputs = {next + static_cast<int>(nodes.size()) - 1};
    split.nodes = std::move(nodes);
    all.push_back(std::move(split));
  }
  std::ranges::move(likeliest_tilings(problem, options), std::back_inserter(all));
  return all;
}

// Why a node is no linear transform of its only encrypted operand.
std::vector<std::string> left_out(const EinsumProblem& problem) {
  std::vector<std::string> reasons;
  for (const Contraction& node : problem.nodes)
    if (node.values.size() == 1 && diagonal_bytes(node) > kMostDiagonalBytes)
      reasons.push_back(fmt::format(
          "not considered: {} by diagonals, whose elements take {:.0f} MiB, more than {:.0f}",
          node.out, diagonal_bytes(node) / 0x1p20, kMostDiagonalBytes / 0x1p20));
  return reasons;
}

// Whether the first of them is the cheapest that there is; a cheaper one is put before it.
bool proved(const std::vector<EinsumProblem>& all, const PlanOptions& options,
            std::vector<Choice>& choices) {
  std::int64_t effort = options.exact_effort;
  bool complete = true;
  for (const EinsumProblem& variant : all) {
    Exact exact(variant, options, choices.front().weight, effort);
    std::optional<Partial> better = exact.run();
    complete = complete && exact.complete();
    if (better) {
      const double weight = better->cost.weight(options.costs);
      choices.insert(choices.begin(), choice_of(variant, std::move(*better), weight));
    }
  }
  return complete;
}

}  // namespace

std::vector<Choice> choices(const EinsumProblem& problem, const PlanOptions& options,
                            std::size_t most) {
  const std::vector<EinsumProblem> all_variants = variants(problem, options);
  std::vector<Choice> all;
  for (const EinsumProblem& variant : all_variants)
    std::ranges::move(Beam(variant, options).run(), std::back_inserter(all));
  if (all.empty()) refuse(problem, options);
  std::ranges::stable_sort(all, {}, &Choice::weight);
  const bool exact = proved(all_variants, options, all);
  all.front().exact = exact;
  std::vector<std::string> texts;
  for (const Choice& choice : all) texts.push_back(to_string(choice));
  all.resize(std::min(all.size(), most));
  for (Choice& choice : all) choice.reasons = left_out(problem);
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
  plan.exact = choice.exact;
  plan.reasons.insert(plan.reasons.begin(), layouts.begin(), layouts.end());
  if (choice.exact) plan.reasons.push_back("exact: of all layouts considered, none costs less");
  plan.reasons.insert(plan.reasons.end(), choice.reasons.begin(), choice.reasons.end());
  return plan;
}

}  // namespace pliant::einsum
