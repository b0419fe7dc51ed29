#include "machine/encrypted/einsum/plan/recipe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace pliant::einsum {

Sum extent(const LabelAxis& axis, std::int64_t slots) {
  if (axis.stride >= slots) return {axis.label, 0, 1, axis.stride / slots, axis.size};
  if ((axis.size - 1) * axis.stride < slots) return {axis.label, axis.stride, axis.size, 0, 1};
  const std::int64_t inside = slots / axis.stride;
  return {axis.label, axis.stride, inside, 1, (axis.size + inside - 1) / inside};
}

int joined_depth(std::vector<int> depths) {
  while (depths.size() > 1) {
    std::sort(depths.begin(), depths.end());
    depths[1] = std::max(depths[0], depths[1]) + 1;
    depths.erase(depths.begin());
  }
  return depths[0];
}

namespace {

const LabelAxis* find(const std::vector<LabelAxis>& axes, char label) {
  const auto at = std::ranges::find(axes, label, &LabelAxis::label);
  return at == axes.end() ? nullptr : &*at;
}

std::int64_t ciphertext_count(const std::vector<LabelAxis>& axes, std::int64_t slots) {
  std::int64_t count = 1;
  for (const LabelAxis& axis : axes) count *= extent(axis, slots).ciphertext_count;
  return count;
}

constexpr std::int64_t kMostSpread = 4096;   // elements that move, each with every copy
constexpr std::size_t kMostDiagonals = 512;  // each is a plaintext to encode and keep

// Of a transform of babies alone; nullopt where too much moves. What stays in its slots makes no
// difference and is left out.
std::optional<Cost> spread_cost(const SlotLayout& from, const SlotLayout& to,
                                const std::vector<LabelAxis>& copies) {
  struct Axis {
    std::int64_t size, source, target;  // and strides
  };
  std::vector<Axis> axes;
  std::int64_t count = 1;
  const auto add = [&](std::int64_t size, std::int64_t source, std::int64_t target) {
    if (source == target && source < from.slots) {  // of it the ciphertexts
      size = (size * source + from.slots - 1) / from.slots;
      source = target = from.slots;
    }
    if (size == 1) return;
    axes.push_back({size, source, target});
    count *= size;
  };
  for (std::size_t i = 0; i < from.axes.size(); ++i)
    add(from.axes[i].size, from.axes[i].stride, to.axes[i].stride);
  for (const LabelAxis& copy : copies) add(copy.size, 0, copy.stride);
  if (count > kMostSpread) return std::nullopt;
  using Term = std::array<std::int64_t, 3>;  // source, baby, target
  std::vector<Term> terms;
  for (std::int64_t number = 0; number < count; ++number) {
    std::int64_t rest = number, source = 0, target = 0;
    for (const Axis& axis : axes) {
      source += rest % axis.size * axis.source;
      target += rest % axis.size * axis.target;
      rest /= axis.size;
    }
    terms.push_back(
        {source / from.slots, modulo(source - target, from.slots), target / from.slots});
  }
  std::ranges::sort(terms);
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  if (terms.size() > kMostDiagonals) return std::nullopt;
  std::int64_t turned = 0;
  for (std::size_t t = 0; t < terms.size(); ++t)
    turned += terms[t][1] != 0 &&
              (t == 0 || terms[t][0] != terms[t - 1][0] || terms[t][1] != terms[t - 1][1]);
  const auto diagonals = static_cast<std::int64_t>(terms.size());
  return Cost{.rotations = turned,
              .hoisted = turned,
              .diagonals = diagonals,
              .additions = diagonals,
              .levels = 1};
}

class Cook {
 public:
  Cook(const Contraction& node, const std::vector<SlotLayout>& views, const SlotLayout& cube,
       LayoutMoves& moves, bool rough)
      : node_(node), views_(views), moves_(moves), rough_(rough), regular_(is_regular(cube)) {
    recipe_.cube = cube;
  }

  std::optional<Recipe> cook() {
    if (!regular_ && !suits_irregular()) return std::nullopt;
    for (std::size_t i = 0; i < views_.size(); ++i) prepare(i);
    multiply();
    sum();
    return std::move(recipe_);
  }

 private:
  // An irregular cube takes operands that have all its labels already and stand in one ciphertext.
  bool suits_irregular() const {
    return !node_.has_clear && std::ranges::all_of(views_, [&](const SlotLayout& view) {
      return ciphertexts(view).size() == 1 && view.axes.size() == recipe_.cube.axes.size() &&
             std::ranges::all_of(view.axes, [&](const LabelAxis& axis) {
               return axis.size == 1 || find(recipe_.cube.axes, axis.label)->stride == axis.stride;
             });
    });
  }

  SlotLayout target(const SlotLayout& view) const {
    SlotLayout to{.slots = view.slots, .axes = view.axes};
    for (LabelAxis& axis : to.axes)
      if (axis.size > 1) axis.stride = find(recipe_.cube.axes, axis.label)->stride;
    return to;
  }

  // Where the operand must be copied: the slots of the labels it lacks.
  std::vector<LabelAxis> missing(const SlotLayout& view, bool labelled = false) const {
    std::vector<LabelAxis> result;
    for (const LabelAxis& axis : recipe_.cube.axes) {
      if (axis.size == 1 || find(view.axes, axis.label) != nullptr) continue;
      const Sum in = extent(axis, view.slots);
      const char label = labelled ? axis.label : '\0';
      if (in.count > 1) result.push_back({label, padded(in.count), in.stride});
    }
    return result;
  }

  void prepare(std::size_t i) {
    Preparation own;
    for (std::size_t j = 0; j < i && own.same_as < 0; ++j)
      if (node_.values[j] == node_.values[i] && views_[j] == views_[i])
        own.same_as = static_cast<int>(j), own.levels = recipe_.operands[j].levels;
    if (own.same_as < 0) move_and_copy(views_[i], own);
    recipe_.operands.push_back(std::move(own));
  }

  void move_and_copy(SlotLayout view, Preparation& own) {
    own.copies = missing(view);
    const SlotLayout to = target(view);
    const auto is_wanted = [&](const LabelAxis& copy) {
      return std::ranges::find(own.copies, copy) != own.copies.end();
    };
    bool stays = view.axes == to.axes && std::ranges::all_of(view.copies, is_wanted);
    if (stays)
      std::erase_if(own.copies, [&](const LabelAxis& copy) {
        return std::ranges::find(view.copies, copy) != view.copies.end();
      });
    stays = stays && (own.copies.empty() || view.clean);
    Cost cost;
    if (stays) {
      own.move = {.way = Way::stay, .from = view, .to = view};
    } else {
      if (!view.copies.empty()) view.copies.clear(), view.clean = false;
      own.copies = missing(view);
      const bool clean = !own.copies.empty();
      if (rough_) cost = least_cost(view, to, clean, moves_.table());
      else own.move = moves_.best(view, to, clean), cost = own.move.cost;
    }
    const std::int64_t each = ciphertext_count(to.axes, view.slots);
    for (const LabelAxis& copy : own.copies)
      cost += each * Cost{.rotations = shift_sum_cost(copy.size), .additions = 1};
    if (!stays && each > 1 && regular_) spread(view, to, own, cost);
    own.levels = cost.levels;
    cost.levels = 0;
    recipe_.cost += cost;
  }

  // Takes one transform instead of a move and copies, where that is cheaper.
  void spread(const SlotLayout& from, const SlotLayout& to, Preparation& own, Cost& cost) const {
    const std::vector<LabelAxis> copies = missing(from, true);
    if (copies.empty()) return;
    const std::optional<Cost> by_transform = spread_cost(from, to, copies);
    const CostTable& table = moves_.table();
    if (rough_) {
      if (by_transform) cost = least(cost, *by_transform, table);
      return;
    }
    if (!by_transform || by_transform->weight(table) >= cost.weight(table)) return;
    own.move = {.way = Way::transform, .from = from, .to = to};
    own.copies = copies;
    own.spread = true;
    cost = *by_transform;
  }

  bool operand_is_clean(std::size_t i) const {
    const Preparation& own = recipe_.operands[i].same_as < 0
                                 ? recipe_.operands[i]
                                 : recipe_.operands[recipe_.operands[i].same_as];
    switch (own.move.way) {
      case Way::transform: return true;
      case Way::fan: return own.move.masks.back();
      case Way::stay: return own.move.from.clean || (!own.move.masks.empty() && own.move.masks[0]);
    }
    return false;
  }

  // Zero wherever an index is beyond its label's size, and outside the cube.
  bool product_is_clean() const {
    if (node_.has_clear) return true;
    if (!regular_ || rough_) return rough_;
    bool any = false;
    for (std::size_t i = 0; i < views_.size(); ++i) any = any || operand_is_clean(i);
    return any && std::ranges::all_of(recipe_.cube.axes, [&](const LabelAxis& axis) {
             if (padded(axis.size) == axis.size) return true;
             for (std::size_t i = 0; i < views_.size(); ++i)
               if (find(views_[i].axes, axis.label) != nullptr && operand_is_clean(i)) return true;
             return false;
           });
  }

  void multiply() {
    const std::int64_t each = ciphertext_count(recipe_.cube.axes, recipe_.cube.slots);
    std::vector<int> depths;
    for (const Preparation& own : recipe_.operands) depths.push_back(own.levels);
    if (node_.has_clear) {
      ++*std::min_element(depths.begin(), depths.end());
      recipe_.cost.plain_products += each;
    }
    recipe_.cost.products += each * (static_cast<std::int64_t>(depths.size()) - 1);
    recipe_.cost.levels = joined_depth(std::move(depths));
  }

  void sum() {
    const std::int64_t slots = recipe_.cube.slots;
    bool clean = product_is_clean(), all_around = true;
    for (const LabelAxis& axis : recipe_.cube.axes)
      if (node_.out.find(axis.label) == std::string::npos && axis.size > 1)
        recipe_.sums.push_back(extent(axis, slots));
    for (const Sum& s : recipe_.sums)  // a part of the last ciphertext may be no element
      recipe_.mask_product =
          recipe_.mask_product || (!clean && s.ciphertext_count > 1 && s.count > 1 &&
                                   find(recipe_.cube.axes, s.label)->size % s.count != 0);
    clean = clean || recipe_.mask_product;
    SlotLayout& out = recipe_.out;
    out = {.slots = slots};
    for (const char label : node_.out) out.axes.push_back(*find(recipe_.cube.axes, label));
    const std::int64_t each = ciphertext_count(out.axes, slots);
    for (Sum& s : recipe_.sums) {
      if (clean) s.count = padded(s.count);
      const bool around = regular_ && s.count * s.stride == slots && padded(s.count) == s.count;
      if (around) out.copies.push_back({'\0', s.count, s.stride});
      all_around = all_around && (around || s.count == 1);
      recipe_.cost += each * Cost{.rotations = shift_sum_cost(s.count),
                                  .additions = shift_sum_cost(s.count) + s.ciphertext_count - 1};
    }
    out.clean = clean && all_around;
    if (recipe_.mask_product) {
      recipe_.cost.plain_products += ciphertext_count(recipe_.cube.axes, slots);
      ++recipe_.cost.levels;
    }
  }

  const Contraction& node_;
  const std::vector<SlotLayout>& views_;
  LayoutMoves& moves_;
  bool rough_, regular_;
  Recipe recipe_;
};

// Builds the product and its sums from prepared operands.
class Kitchen {
 public:
  Kitchen(const Contraction& node, std::vector<PlacedTensor> operands, const Recipe& recipe,
          ProgramBuilder& builder)
      : node_(node), operands_(std::move(operands)), recipe_(recipe), builder_(builder) {
    if (node.has_clear) clear_ = builder.clear(node.clear);
  }

  PlacedTensor cook() {
    std::map<std::int64_t, CipherId> products;
    each_ciphertext([&](const std::map<char, std::int64_t>& digits, std::int64_t number) {
      products[number] = product(digits);
    });
    if (recipe_.mask_product) products = masked(std::move(products));
    for (const Sum& sum : recipe_.sums) products = added(products, sum);
    for (auto& [number, id] : products) {
      if (!recipe_.mask_product) id = finished(id);
      for (const Sum& sum : recipe_.sums) id = builder_.shift_sum(id, sum.count, sum.stride);
    }
    return {recipe_.out, std::move(products)};
  }

 private:
  // Calls visit(digit of each label among the ciphertexts, number) for each ciphertext of the cube.
  template <typename Visit>
  void each_ciphertext(const Visit& visit) const {
    std::vector<LabelAxis> digits;
    for (const LabelAxis& axis : recipe_.cube.axes) {
      const Sum in = extent(axis, recipe_.cube.slots);
      digits.push_back({axis.label, in.ciphertext_count, in.ciphertext_stride});
    }
    each_index(digits,
               [&](const Index& index, std::int64_t) { visit(index, number_of(digits, index)); });
  }
  static std::int64_t number_of(const std::vector<LabelAxis>& digits, const Index& index) {
    std::int64_t number = 0;
    for (const LabelAxis& digit : digits) number += index.at(digit.label) * digit.stride;
    return number;
  }

  CipherId operand(const PlacedTensor& placed, const Index& digits) const {
    std::vector<LabelAxis> own;
    for (const LabelAxis& axis : placed.layout.axes) {
      const Sum in = extent(axis, placed.layout.slots);
      own.push_back({axis.label, in.ciphertext_count, in.ciphertext_stride});
    }
    return placed.ciphertexts.at(number_of(own, digits));
  }

  // The last step of a product is left to finished(), after the sum over ciphertexts.
  CipherId product(const Index& digits) {
    std::vector<CipherId> factors;
    for (const PlacedTensor& placed : operands_) factors.push_back(operand(placed, digits));
    const auto shallower = [&](CipherId a, CipherId b) {
      return builder_.depth(a) < builder_.depth(b);
    };
    if (clear_ != ClearId::none) {
      CipherId& factor = *std::ranges::min_element(factors, shallower);
      factor = builder_.multiply(factor, plain(digits));
      if (factors.size() == 1) return factor;
      factor = builder_.rescale(factor);
    }
    while (factors.size() > 1) {
      std::ranges::stable_sort(factors, shallower);
      CipherId both = builder_.multiply(factors[0], factors[1]);
      if (factors.size() > 2) both = builder_.rescale(builder_.relinearize(both));
      factors.erase(factors.begin());
      factors[0] = both;
    }
    return factors[0];
  }

  CipherId finished(CipherId id) {
    if (operands_.size() > 1) id = builder_.relinearize(id);
    return operands_.size() > 1 || node_.has_clear ? builder_.rescale(id) : id;
  }

  // The clear operand over every element of the cube in one ciphertext.
  Plain plain(const Index& digits) const {
    Plain result{clear_, {}};
    const std::vector<std::int64_t> own = strides(node_.clear.shape);
    std::vector<LabelAxis> inside;
    std::map<char, std::int64_t> first;
    for (const LabelAxis& axis : recipe_.cube.axes) {
      const Sum in = extent(axis, recipe_.cube.slots);
      first[axis.label] = digits.at(axis.label) * in.count;
      inside.push_back({axis.label, std::min(in.count, axis.size - first[axis.label]), in.stride});
    }
    each_index(inside, [&](const Index& index, std::int64_t) {
      std::int64_t slot = 0, element = 0;
      for (const LabelAxis& axis : inside) slot += index.at(axis.label) * axis.stride;
      for (std::size_t i = 0; i < own.size(); ++i) {
        const char label = node_.clear.out[i];
        element += own[i] * (index.at(label) + first.at(label));
      }
      result.cells.push_back({static_cast<std::int32_t>(slot), static_cast<std::int32_t>(element)});
    });
    return result;
  }

  std::map<std::int64_t, CipherId> masked(std::map<std::int64_t, CipherId> products) {
    for (auto& [number, id] : products) id = finished(id);
    return builder_.masked({recipe_.cube, std::move(products)}).ciphertexts;
  }

  std::map<std::int64_t, CipherId> added(const std::map<std::int64_t, CipherId>& products,
                                         const Sum& sum) {
    if (sum.ciphertext_count == 1) return products;
    std::map<std::int64_t, CipherId> result;
    for (const auto& [number, id] : products) {
      const std::int64_t digit = number / sum.ciphertext_stride % padded(sum.ciphertext_count);
      const auto [place, first] = result.try_emplace(number - digit * sum.ciphertext_stride, id);
      if (!first) place->second = builder_.add(place->second, id);
    }
    return result;
  }

  const Contraction& node_;
  std::vector<PlacedTensor> operands_;
  const Recipe& recipe_;
  ProgramBuilder& builder_;
  ClearId clear_ = ClearId::none;
};

}  // namespace

Cost transform_bound(const SlotLayout& from, const SlotLayout& to, const CostTable& table) {
  double diagonals = 1;
  for (const Progression& run : progressions(from, to))
    if (run.step % from.slots != 0) diagonals *= static_cast<double>(run.count());
  // babies b and giants diagonals / b: the least of hoisted * b + rotation * diagonals / b
  const double babies = std::max(1.0, std::sqrt(diagonals * table.rotation / table.hoisted));
  const auto giants = static_cast<std::int64_t>(std::max(1.0, diagonals / babies) - 1);
  const auto hoisted = static_cast<std::int64_t>(babies - 1);
  return {.rotations = hoisted + giants,
          .hoisted = hoisted,
          .diagonals = static_cast<std::int64_t>(diagonals),
          .levels = 1};
}

Cost least_cost(const SlotLayout& from, const SlotLayout& to, bool clean, const CostTable& table) {
  Cost fan;
  std::vector<Progression> runs = progressions(from, to);
  std::erase_if(runs, [&](const Progression& run) { return run.step % from.slots == 0; });
  const auto is_one = [](const SlotLayout& layout) {
    return ciphertext_count(layout.axes, layout.slots) == 1;
  };
  if (runs.empty()) {  // the slots stay
    const bool mask = clean && !(from.clean && from.copies.empty());
    return {.plain_products = mask, .levels = mask};
  }
  if (!(is_one(from) && is_one(to))) return transform_bound(from, to, table);
  for (const Progression& run : runs) fan.rotations += shift_sum_cost(padded(run.count()));
  const bool mask = clean || !from.clean;
  fan.plain_products = mask;
  fan.levels = mask;
  return least(fan, transform_bound(from, to, table), table);
}

const LayoutMove& LayoutMoves::best(const SlotLayout& from, const SlotLayout& to, bool clean) {
  const std::string key = to_string(from) + " to " + to_string(to) + (clean ? " clean" : "");
  auto known = known_.find(key);
  if (known == known_.end())
    known = known_.emplace(key, moves(from, to, clean, table_).front()).first;
  return known->second;
}

std::optional<Recipe> make_recipe(const Contraction& node, const std::vector<SlotLayout>& views,
                                  const SlotLayout& cube, LayoutMoves& moves, bool rough) {
  return Cook(node, views, cube, moves, rough).cook();
}

Recipe make_linear_recipe(const SlotLayout& view, const SlotLayout& out, Split split) {
  Recipe recipe;
  recipe.cube = {.slots = view.slots, .axes = joined_axes(view, out)};
  recipe.cost = cost(split, view, out);
  recipe.linear = std::move(split);
  recipe.out = out;
  return recipe;
}

Recipe make_linear_recipe(const SlotLayout& view, const SlotLayout& out) {
  return make_linear_recipe(view, out, best_split(progressions(view, out)));
}

namespace {

PlacedTensor spread(const PlacedTensor& operand, const Preparation& own, ProgramBuilder& builder) {
  const SlotLayout& from = own.move.from;
  SlotLayout to = own.move.to;
  to.axes.insert(to.axes.end(), own.copies.begin(), own.copies.end());
  const auto turn = [&](const Index& index) {
    const std::int64_t distance = address(from, index) - address(to, index);
    return std::pair(modulo(distance, from.slots), std::int64_t{0});
  };
  PlacedTensor result = builder.transformed({from, operand.ciphertexts}, to, {turn});
  result.layout.axes = own.move.to.axes;
  result.layout.copies = own.copies;
  for (LabelAxis& copy : result.layout.copies) copy.label = '\0';
  return result;
}

PlacedTensor prepared_as(const PlacedTensor& operand, const Preparation& own,
                         ProgramBuilder& builder) {
  if (own.spread) return spread(operand, own, builder);
  return builder.copied(builder.moved(operand, own.move), own.copies);
}

}  // namespace

PlacedTensor emit(const Contraction& node, const std::vector<PlacedTensor>& operands,
                  const Recipe& recipe, ProgramBuilder& builder) {
  std::vector<PlacedTensor> prepared;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Preparation& own = recipe.operands[i];
    prepared.push_back(own.same_as >= 0 ? prepared[own.same_as]
                                        : prepared_as(operands[i], own, builder));
  }
  return Kitchen(node, std::move(prepared), recipe, builder).cook();
}

}  // namespace pliant::einsum
