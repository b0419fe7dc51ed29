#include "machine/encrypted/einsum/plan/exact.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pliant::einsum {
namespace {

constexpr std::int64_t kEstimates = 16;  // that count as one recipe worked out
constexpr double kEqual = 1e-9;          // weights that differ by less are equal

// What a node costs at least, whatever its operands' layouts, and the depth of its result.
std::pair<Cost, int> least_of(const Contraction& node, const std::vector<int>& depths,
                              std::int64_t slots) {
  double elements = 1;
  for (const auto& [label, size] : node.sizes) elements *= static_cast<double>(size);
  const auto each =
      static_cast<std::int64_t>(std::ceil(elements / static_cast<double>(slots) - kEqual));
  std::vector<int> own;
  for (const int value : node.values) own.push_back(depths[value]);
  Cost cost{.products = each * (std::ssize(own) - 1)};
  if (node.has_clear) {
    ++*std::ranges::min_element(own);
    if (own.size() > 1) cost.plain_products = each;  // else it may be part of another transform
  }
  return {cost, joined_depth(std::move(own))};
}

}  // namespace

Exact::Exact(const EinsumProblem& problem, const PlanOptions& options, double best,
             std::int64_t& effort)
    : problem_(problem),
      options_(options),
      extending_(problem, options),
      best_(best),
      effort_(effort),
      frontiers_(problem.nodes.size() + 1) {}

bool Exact::spend(std::int64_t recipes, std::int64_t estimates) {
  if (options_.watch) options_.watch();
  const std::int64_t units = recipes + (estimates + kEstimates - 1) / kEstimates;
  complete_ = complete_ && units <= effort_;
  if (complete_) effort_ -= units;
  return complete_;
}

// The weight of any plan that begins so.
double Exact::least(const Partial& partial, std::size_t node) const {
  Cost sum = partial.cost;
  std::vector<int> depths = partial.depths;
  for (std::size_t n = node; n < problem_.nodes.size(); ++n) {
    auto [cost, depth] = least_of(problem_.nodes[n], depths, options_.slots);
    cost.levels = 0;
    sum += cost;
    sum.levels = std::max(sum.levels, depth);
    depths.push_back(depth);
  }
  return sum.weight(options_.costs);
}

bool Exact::is_read(std::size_t value, std::size_t from) const {
  for (std::size_t n = from; n < problem_.nodes.size(); ++n)
    if (std::ranges::find(problem_.nodes[n].values, static_cast<int>(value)) !=
        problem_.nodes[n].values.end())
      return true;
  return false;
}

// The layouts that later nodes read.
std::string Exact::key(const Partial& partial, std::size_t node) const {
  std::string result;
  for (std::size_t v = 0; v < partial.values.size(); ++v)
    if (is_read(v, node)) result += to_string(partial.values[v]) + "\n";
  return result;
}

bool Exact::beats(const Partial& a, const Partial& b, std::size_t node) const {
  const auto apart_from_levels = [&](const Partial& partial) {
    Cost cost = partial.cost;
    cost.levels = 0;
    return cost.weight(options_.costs);
  };
  if (a.cost.levels > b.cost.levels || apart_from_levels(a) > apart_from_levels(b)) return false;
  for (std::size_t v = 0; v < a.values.size(); ++v)
    if (is_read(v, node) && a.depths[v] > b.depths[v]) return false;
  return true;
}

void Exact::put(Partial partial, std::size_t node) {
  if (least(partial, node) >= best_ - kEqual) return;
  std::vector<Partial>& alike = frontiers_[node][key(partial, node)];
  for (const Partial& other : alike)
    if (beats(other, partial, node)) return;
  std::erase_if(alike, [&](const Partial& other) { return beats(partial, other, node); });
  if (node == problem_.nodes.size()) best_ = extending_.weight(partial);
  alike.push_back(std::move(partial));
}

void Exact::extend(const Partial& partial, std::size_t node) {
  if (least(partial, node) >= best_ - kEqual) return;
  const Contraction& next = problem_.nodes[node];
  std::vector<Candidate> candidates = extending_.candidates(partial, next);
  if (!spend(0, std::ssize(candidates))) return;
  std::ranges::stable_sort(candidates, {}, &Candidate::bound);
  for (const Candidate& candidate : candidates) {
    if (candidate.bound >= best_ - kEqual) break;
    if (!spend(1, 0)) return;
    put(extending_.extended(partial, next, candidate), node + 1);
  }
}

std::optional<Partial> Exact::run() {
  const std::size_t count = problem_.nodes.size();
  if (count > kMostNodes || effort_ <= 0) {
    complete_ = false;
    return {};
  }
  put(extending_.begin(), 0);
  std::size_t group = 0;  // where the next nodes that may be one transform begin
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t together = n == group ? joint_count(problem_.nodes, n) : 1;
    if (n == group) group += together;
    for (const auto& [layouts, partials] : std::exchange(frontiers_[n], {}))
      for (const Partial& partial : partials) {
        if (together > 1) {
          if (!spend(std::ssize(problem_.nodes) * 4, 0)) return {};
          for (Partial& more :
               extending_.jointly(partial, std::span(problem_.nodes).subspan(n, together)))
            put(std::move(more), n + together);
        }
        extend(partial, n);
        if (!complete_) return {};
      }
  }
  for (auto& [layouts, partials] : frontiers_[count])
    for (Partial& partial : partials)
      if (extending_.weight(partial) <= best_ + kEqual) return std::move(partial);
  return {};
}

}  // namespace pliant::einsum
