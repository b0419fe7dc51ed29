#include "machine/encrypted/ckks/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "core/error.h"

namespace pliant::ckks {

namespace {

using Values = std::vector<std::complex<double>>;
using Reduced = std::map<int, std::vector<const Values*>>;  // diagonals that are to be summed

// Offsets modulo the slots, each once. They begin after the widest gap of the circle, so that what
// is near in it stays near, and lie about zero.
Reduced reduced(const Diagonals& diagonals, int slots) {
  Reduced circle;
  for (const auto& [offset, values] : diagonals)
    circle[(offset % slots + slots) % slots].push_back(&values);
  int begin = circle.begin()->first, before = circle.rbegin()->first - slots;
  int widest = begin - before;
  for (const auto& [offset, values] : circle) {
    if (offset - before > widest) {
      widest = offset - before;
      begin = offset;
    }
    before = offset;
  }
  const int turn = 2 * begin > widest ? slots : 0;  // begin plus the last one is beyond the slots
  Reduced result;
  for (auto& [offset, values] : circle)
    result[offset + (offset < begin ? slots : 0) - turn] = std::move(values);
  return result;
}

int common_step(const Reduced& diagonals) {
  int step = 0;
  for (const auto& [offset, values] : diagonals)
    step = std::gcd(step, offset - diagonals.begin()->first);
  return std::max(step, 1);
}

[[noreturn]] void refuse(const std::string& problem) {
  throw Error(ErrorKind::usage, "ckks linear transform", problem);
}

void require_diagonals(const Context& context, int level, const Diagonals& diagonals) {
  if (diagonals.empty()) refuse("no diagonals");
  if (level < 1 || level > context.levels())
    refuse(fmt::format("level {} is not between 1 and {}", level, context.levels()));
  const auto& [first, same] = *diagonals.begin();
  for (const auto& [offset, values] : diagonals)
    if (values.size() != same.size())
      refuse(fmt::format("diagonal {} has {} values, diagonal {} has {}", offset, values.size(),
                         first, same.size()));
  if (!std::has_single_bit(same.size()) || same.size() > context.slots())
    refuse(fmt::format("diagonals of {} values, which is not a power of two up to the {} slots",
                       same.size(), context.slots()));
}

// How many steps each offset is from the first.
std::vector<int> places_of(const Reduced& diagonals, int step) {
  if (step < 1) refuse(fmt::format("step {}", step));
  const int first = diagonals.begin()->first;
  std::vector<int> places;
  for (const auto& [offset, values] : diagonals) {
    if ((offset - first) % step != 0)
      refuse(fmt::format("offsets {} and {} do not differ by a multiple of the step {}", offset,
                         first, step));
    places.push_back((offset - first) / step);
  }
  return places;
}

// What `babies` costs, in undivided rotations: a giant step, which divides and raises again, is
// worth about three.
int cost(const std::vector<int>& places, int babies) {
  std::vector<char> small(babies), large(places.back() / babies + 1);
  for (const int place : places) small[place % babies] = large[place / babies] = 1;
  return static_cast<int>(std::count(small.begin(), small.end(), 1) +
                          3 * std::count(large.begin(), large.end(), 1));
}

// The cheapest of some counts of babies: those up to twice what is best for a full set, powers of
// two, distances between neighbours, and all.
int cheapest(const std::vector<int>& places) {
  const int all = places.back() + 1;
  std::set<int> counts{all};
  for (int count = 1; count <= all && count <= 4 * std::sqrt(all); ++count) counts.insert(count);
  for (int count = 1; count < all; count *= 2) counts.insert(count);
  for (std::size_t i = 1; i < places.size(); ++i) counts.insert(places[i] - places[i - 1]);
  return *std::min_element(counts.begin(), counts.end(),
                           [&](int a, int b) { return cost(places, a) < cost(places, b); });
}

}  // namespace

// Diagonals are turned forward by their giant step, which turns them back.
LinearTransform::Split LinearTransform::split(const Context& context, const Diagonals& diagonals,
                                              const LinearOptions& options) {
  require_diagonals(context, options.level == -1 ? context.levels() : options.level, diagonals);
  const auto count = static_cast<int>(diagonals.begin()->second.size());
  const Reduced sums = reduced(diagonals, count);
  const int first = sums.begin()->first,
            step = options.step == 0 ? common_step(sums) : options.step;
  const std::vector<int> places = places_of(sums, step);
  if (options.babies < 0) refuse(fmt::format("{} babies", options.babies));
  const int babies = options.babies == 0 ? cheapest(places) : options.babies;
  Split result;
  for (const auto& [offset, values] : sums) {
    const int place = (offset - first) / step, large = place / babies * babies * step;
    Values& turned = result.diagonals.emplace_back(count);
    for (const Values* one : values)
      for (int k = 0; k < count; ++k) turned[(k + large) % count] += (*one)[k];
    result.terms.push_back({0, 0, large, first + place % babies * step});
  }
  return result;
}

LinearTransform::LinearTransform(const Context& context, Encoder& encoder,
                                 const Diagonals& diagonals, const LinearOptions& options)
    : LinearTransform(context, encoder, split(context, diagonals, options), options) {}

LinearTransform::LinearTransform(const Context& context, Encoder& encoder, const Split& split,
                                 const LinearOptions& options)
    : context_(context),
      terms_(split.terms),
      map_(context, encoder, split.terms,
           [&](std::size_t i) { return std::span<const std::complex<double>>(split.diagonals[i]); },
           {.level = options.level,
            .divided = options.divided,
            .expanded_bytes = options.expanded_bytes}) {}

std::vector<int> LinearTransform::offsets() const {
  std::set<int> steps;
  for (const LinearTerm& term : terms_) steps.insert(static_cast<int>(term.giant + term.baby));
  return {steps.begin(), steps.end()};
}

void LinearTransform::apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                            LinearWorkspace& work, Ciphertext& out) const {
  const Ciphertext* const source = &in;
  Ciphertext* const result = &out;
  map_.apply({&source, 1}, evaluator, keys, work, {&result, 1});
}

void LinearTransform::apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                            Ciphertext& out) const {
  LinearWorkspace work;
  apply(in, evaluator, keys, work, out);
}

void LinearTransform::turn(const Plaintext& from, const std::vector<std::uint32_t>& index,
                           Plaintext& to) const {
  to.level = from.level;
  to.extended = false;
  to.scale = from.scale;
  to.slots = from.slots;
  to.bound = from.bound;
  to.noise = from.noise;
  to.params = from.params;
  to.poly.resize(level() + 1, context_.n());
  for (std::size_t i = 0; i < to.poly.limbs(); ++i)
    context_.kernels().gather(to.poly.limb(i), from.poly.limb(i), index.data(), ~0u, context_.n());
}

void LinearTransform::apply_single_hoisted(const Ciphertext& in, Evaluator& evaluator,
                                           const KeySet& keys, Ciphertext& out) const {
  const Ciphertext* const source = &in;
  map_.require({&source, 1}, evaluator);
  Raised raised;
  evaluator.raise(in, raised);
  Ciphertext rotated, sum, product;
  Plaintext held, plain;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    const auto giant = static_cast<int>(terms_[i].giant);
    map_.expand(i, held);
    const Plaintext* diagonal = &held;
    // this form wants the diagonal itself: turned forward again, in the transformed domain
    if (giant != 0) {
      turn(*diagonal, evaluator.permutation(context_.galois(giant)), plain);
      diagonal = &plain;
    }
    evaluator.rotate_raised(in, raised, static_cast<int>(terms_[i].giant + terms_[i].baby), keys,
                            rotated);
    evaluator.multiply(rotated, *diagonal, product);
    if (sum.part[0].limbs() == 0) sum = std::move(product);
    else evaluator.add(sum, product, sum);
  }
  evaluator.rescale(sum, out);
}

}  // namespace pliant::ckks
