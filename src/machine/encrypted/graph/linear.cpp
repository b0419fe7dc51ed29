#include "machine/encrypted/graph/linear.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace pliant::encrypted {
namespace {

using einsum::PlacedTensor;
using einsum::SlotLayout;

// A ciphertext of a base, and one of the result, with the distance of a term between slots.
struct Shift {
  std::int32_t base = 0;
  std::int64_t source = 0, target = 0;  // ciphertexts
  std::int64_t distance = 0;            // between - slots / 2 and slots / 2
  std::int64_t slot = 0;                // of the target
};

// The way of every term.
class Ways {
 public:
  Ways(const std::vector<PlacedTensor>& bases, const SlotLayout& to)
      : slots_(to.slots), to_(addresses(to)) {
    for (const PlacedTensor& base : bases) from_.push_back(addresses(base.layout));
  }

  Shift of(const LinearTerm& term) const {
    const std::int64_t from = from_[term.source.base][term.source.element], to = to_[term.target];
    std::int64_t distance = einsum::modulo(from - to, slots_);
    if (distance > slots_ / 2) distance -= slots_;
    return {term.source.base, from / slots_, to / slots_, distance, to % slots_};
  }

 private:
  std::int64_t slots_;
  std::vector<std::vector<std::int64_t>> from_;
  std::vector<std::int64_t> to_;
};

std::int64_t baby(std::int64_t distance, std::int64_t babies) {
  return einsum::modulo(distance, babies);
}

}  // namespace

Diagonals diagonals(const LinearMap& map, const std::vector<PlacedTensor>& bases,
                    const SlotLayout& to, const einsum::CostTable& table) {
  const Ways ways(bases, to);
  using Way = std::tuple<std::int32_t, std::int64_t, std::int64_t, std::int64_t>;
  std::set<Way> distinct;
  for (const LinearTerm& term : map.terms) {
    const Shift shift = ways.of(term);
    distinct.insert({shift.base, shift.source, shift.target, shift.distance});
  }
  Diagonals best{1, -1};
  for (std::int64_t babies = 1; babies <= to.slots; babies *= 2) {
    std::set<std::tuple<std::int32_t, std::int64_t, std::int64_t>> hoisted;
    std::set<std::pair<std::int64_t, std::int64_t>> giants;
    for (const auto& [base, source, target, distance] : distinct) {
      const std::int64_t small = baby(distance, babies);
      if (small != 0) hoisted.insert({base, source, small});
      if (distance != small) giants.insert({target, distance - small});
    }
    const double weight = table.hoisted * static_cast<double>(hoisted.size()) +
                          table.rotation * static_cast<double>(giants.size()) +
                          table.diagonal * static_cast<double>(distinct.size());
    if (best.weight < 0 || weight < best.weight) best = {babies, weight};
  }
  return best;
}

PlacedTensor apply(const LinearMap& map, const std::vector<PlacedTensor>& bases,
                   const SlotLayout& to, const Diagonals& split, einsum::ProgramBuilder& builder) {
  const Ways ways(bases, to);
  using Key = std::tuple<std::int64_t, std::int64_t, std::int32_t, std::int64_t, std::int64_t>;
  std::map<Key, einsum::Plain> plains;  // by target, giant, base, source, baby
  for (const LinearTerm& term : map.terms) {
    const Shift shift = ways.of(term);
    const std::int64_t small = baby(shift.distance, split.babies);
    const std::int64_t giant = einsum::modulo(shift.distance - small, to.slots);
    einsum::Plain& plain = plains[{shift.target, giant, shift.base, shift.source, small}];
    plain.tensor = map.coefficients;
    plain.factor = map.factor;
    plain.cells.push_back({static_cast<std::int32_t>((shift.slot + giant) % to.slots),
                           static_cast<std::int32_t>(term.coefficient)});
  }
  for (const std::int64_t number : ciphertexts(to)) {  // where no term leads: zero
    const auto next = plains.lower_bound({number, -1, 0, 0, 0});
    if (next != plains.end() && std::get<0>(next->first) == number) continue;
    plains[{number, 0, 0, bases[0].ciphertexts.begin()->first, 0}].factor = 0;
  }
  einsum::Transform transform;
  std::map<std::pair<std::int32_t, std::int64_t>, int> numbers;
  std::vector<std::int64_t> results;
  for (auto& [key, plain] : plains) {
    const auto& [target, giant, base, source, small] = key;
    if (results.empty() || results.back() != target) results.push_back(target);
    const auto [place, is_new] =
        numbers.try_emplace({base, source}, static_cast<int>(numbers.size()));
    if (is_new) transform.of.push_back(bases[base].ciphertexts.at(source));
    transform.terms.push_back({static_cast<int>(results.size()) - 1, place->second, giant, small,
                               builder.plain(std::move(plain))});
  }
  std::ranges::sort(transform.terms, {}, [](const einsum::Transform::Term& term) {
    return std::tuple(term.result, term.giant, term.source, term.baby);
  });
  return builder.emit(std::move(transform), results, to);
}

}  // namespace pliant::encrypted
