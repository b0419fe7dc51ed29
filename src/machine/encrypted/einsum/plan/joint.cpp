#include "machine/encrypted/einsum/plan/joint.h"

#include <algorithm>
#include <utility>

namespace pliant::einsum {
namespace {

// The slots up to its last element, as a power of two.
std::int64_t span_of(const SlotLayout& layout) {
  std::int64_t last = 0;
  for (const LabelAxis& axis : layout.axes) last += (axis.size - 1) * axis.stride;
  return padded(last + 1);
}

// The slots that a result takes of a ciphertext if several share one; 0 where they cannot.
std::int64_t share_of(const std::vector<SlotLayout>& views,
                      const std::vector<SlotLayout>& results) {
  std::int64_t share = 1;
  for (const std::vector<SlotLayout>* layouts : {&views, &results})
    for (const SlotLayout& layout : *layouts) {
      if (!in_one_ciphertext(layout)) return 0;
      share = std::max(share, span_of(layout));
    }
  const bool tidy = std::ranges::all_of(
      views, [](const SlotLayout& view) { return view.clean && view.copies.empty(); });
  return tidy && share < views[0].slots ? share : 0;
}

// Babies are done once for all; of the results in one ciphertext the giants and diagonals of one.
Cost joint_cost(const std::vector<Recipe>& recipes, const std::vector<SlotLayout>& views) {
  const Sharing sharing = recipes[0].sharing;
  Cost all{.levels = 1}, group;
  std::int64_t hoisted = 0;
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    const Cost own = cost(*recipes[i].linear, views[i], recipes[i].out);
    hoisted = std::max(hoisted, own.hoisted);
    group.rotations = std::max(group.rotations, own.rotations - own.hoisted);
    group.diagonals = std::max(group.diagonals, own.diagonals);
    group.additions = std::max(group.additions, own.additions);
    if (sharing.slot_of(i) > 0) ++all.rotations;
    if (sharing.is_last(i)) all += std::exchange(group, {});
  }
  const std::int64_t copies = shift_sum_cost(sharing.in_one);
  all += {.rotations = hoisted + copies, .hoisted = hoisted, .additions = copies};
  return all;
}

}  // namespace

std::vector<std::vector<Recipe>> joint_recipes(const std::vector<SlotLayout>& views,
                                               const std::vector<SlotLayout>& results, bool apart) {
  std::vector<std::vector<Progression>> runs;
  for (std::size_t i = 0; i < views.size(); ++i) {
    runs.push_back(progressions(views[i], results[i]));
    if (!same_steps(runs[0], runs[i])) return {};
  }
  const auto count = static_cast<std::int64_t>(views.size());
  const std::int64_t share = apart ? 0 : share_of(views, results);
  const std::int64_t most = share == 0 ? 1 : std::min(padded(count), views[0].slots / share);
  std::vector<std::vector<Recipe>> found;
  for (std::int64_t in_one = 1; in_one <= most; in_one *= 2) {
    const Sharing sharing{views.size(), in_one, share};
    const auto splits = joint_splits(runs, (count + in_one - 1) / in_one);
    std::vector<Recipe>& recipes = found.emplace_back();
    for (std::size_t i = 0; i < views.size(); ++i) {
      Recipe& recipe = recipes.emplace_back(make_linear_recipe(views[i], results[i], splits[i]));
      recipe.sharing = i == 0 ? sharing : Sharing{.nodes = 0};
      recipe.out.clean = sharing.is_alone(i);
      recipe.cost = {.levels = 1};
    }
    recipes[0].cost = joint_cost(recipes, views);
  }
  return found;
}

namespace {

// A tensor in the clear of its own for each map; of those in one ciphertext, parts of one.
std::vector<PlainFactor> factors(std::span<const Contraction> nodes, const Sharing& sharing,
                                 ProgramBuilder& builder) {
  std::vector<PlainFactor> result;
  std::vector<ClearId> parts;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Clear& clear = nodes[i].clear;
    PlainFactor& factor = result.emplace_back();
    if (!nodes[i].has_clear) continue;
    factor = {builder.clear(clear), clear.out, clear.shape, first};
    parts.push_back(factor.tensor);
    first += elements(clear.shape);
    if (!sharing.is_last(i)) continue;
    if (parts.size() > 1) {
      const ClearId all = builder.joined(parts);
      for (std::size_t k = i + 1 - parts.size(); k <= i; ++k) result[k].tensor = all;
    }
    parts.clear();
    first = 0;
  }
  return result;
}

}  // namespace

std::vector<PlacedTensor> emit_joint(std::span<const Contraction> nodes,
                                     std::span<const Recipe> recipes, const PlacedTensor& operand,
                                     ProgramBuilder& builder) {
  const Sharing sharing = recipes[0].sharing;
  const std::vector<PlainFactor> by = factors(nodes, sharing, builder);
  std::vector<LinearPart> parts;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const SlotLayout from = view(operand.layout, nodes[i].labels[0], nodes[i].shapes[0]);
    const SlotLayout& to = recipes[i].out;
    parts.push_back({from, to, turns(*recipes[i].linear, from, to), by[i], sharing.group_of(i),
                     sharing.slot_of(i)});
  }
  PlacedTensor source = operand;
  if (sharing.in_one > 1) source = builder.copied(source, {{'\0', sharing.in_one, sharing.share}});
  std::vector<PlacedTensor> results = builder.transformed(source.ciphertexts, parts);
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].layout.clean = recipes[i].out.clean;
    if (sharing.slot_of(i) == 0) continue;
    CipherId& only = results[i].ciphertexts.at(0);
    only = builder.rotate(only, sharing.slot_of(i));
  }
  return results;
}

}  // namespace pliant::einsum
