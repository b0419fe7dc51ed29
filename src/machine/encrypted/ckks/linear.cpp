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

LinearTransform::LinearTransform(const Context& context, Encoder& encoder,
                                 const Diagonals& diagonals, const LinearOptions& options)
    : context_(context), level_(options.level == -1 ? context.levels() : options.level) {
  require_same(context, encoder.context().hash(), "linear transform", "the encoder");
  require_diagonals(context, level_, diagonals);
  slots_ = diagonals.begin()->second.size();
  const Reduced sums = reduced(diagonals, static_cast<int>(slots_));
  const int first = sums.begin()->first,
            step = options.step == 0 ? common_step(sums) : options.step;
  const std::vector<int> places = places_of(sums, step);
  if (options.babies < 0) refuse(fmt::format("{} babies", options.babies));
  const int babies = options.babies == 0 ? cheapest(places) : options.babies;
  // The product lands on the scale list: scale[level] * scale of the diagonal / q[level] =
  // scale[level - 1].
  const double scale = context.scale(level_ - 1) * context.q(level_).mod.q / context.scale(level_);
  std::map<int, Giant> giants;
  std::vector<double> rows(slots_), squares(slots_), rotated(slots_);
  std::map<int, std::vector<double>> giant_squares;
  for (const auto& [offset, values] : sums) {
    const int place = (offset - first) / step, large = place / babies * babies * step;
    std::vector<std::complex<double>> turned(slots_);
    const int count = slots_;
    for (const Values* one : values)
      for (int k = 0; k < count; ++k) turned[(k + large) % count] += (*one)[k];
    Giant& giant = giants[large];
    giant.steps = large;
    const EncodingOptions encoding{level_, scale, largest(turned), true};
    const int small = first + place % babies * step;
    const auto found = std::find(babies_.begin(), babies_.end(), small);
    giant.terms.push_back(
        {static_cast<std::size_t>(found - babies_.begin()), encoder.encode(turned, encoding)});
    if (found == babies_.end()) babies_.push_back(small);
    std::vector<double>& of_giant = giant_squares[large];
    of_giant.resize(slots_);
    for (int k = 0; k < count; ++k) {
      const double size = std::abs(turned[(k + large) % count]);
      rows[k] += size;
      squares[k] += size * size;
      if (context.galois(small) == 1) continue;  // no key, no noise
      rotated[k] += size * size;
      of_giant[k] += size * size;
    }
    rounding_ += giant.terms.back().diagonal.noise / scale;
  }
  gain_ = largest(rows);
  root_ = std::sqrt(largest(squares));
  rotated_root_ = std::sqrt(largest(rotated));
  std::set<int> steps(babies_.begin(), babies_.end());
  for (auto& [large, giant] : giants) {
    steps.insert(large);
    giant.root = std::sqrt(largest(giant_squares[large]));
    giants_.push_back(std::move(giant));
  }
  steps.erase(0);
  rotations_.assign(steps.begin(), steps.end());
}

std::vector<int> LinearTransform::offsets() const {
  std::set<int> steps;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) steps.insert(giant.steps + babies_[term.baby]);
  return {steps.begin(), steps.end()};
}

std::size_t LinearTransform::bytes() const {
  std::size_t sum = 0;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) sum += term.diagonal.poly.bytes();
  return sum;
}

void LinearTransform::require(const Ciphertext& in, const Evaluator& evaluator) const {
  require_same(evaluator.context(), context_.hash(), "linear transform", "the transform");
  evaluator.require(in, "linear transform");
  const auto refuse = [](const std::string& problem, const char* next = "") {
    throw Error(ErrorKind::invalid, "ckks linear transform", problem, next);
  };
  if (in.size != 2)
    refuse(fmt::format("a ciphertext of {} parts instead of 2", in.size), "relinearize it first");
  if (in.level != level_)
    refuse(fmt::format("a ciphertext of level {}, diagonals of level {}", in.level, level_),
           "adjust it");
  if (slots_ % in.slots != 0)
    refuse(fmt::format("a ciphertext of {} slots, diagonals of {}", in.slots, slots_));
}

// The sum of diagonal * baby of each giant step, undivided. Blocks of coefficients go through all
// giant steps together, so that the babies are read from memory once.
void LinearTransform::sum_products(LinearWorkspace& work, SwitchStages& stages) const {
  const std::size_t limbs = level_ + 1 + context_.special(), n = context_.n();
  const std::size_t size = std::min<std::size_t>(n, 1024), most = babies_.size();
  work.sums.resize(giants_.size());
  for (std::size_t g = 0; g < giants_.size(); ++g) {
    Extended& out = work.sums[g];
    out.params = context_.hash();
    for (Poly& part : out.part) part.resize(limbs, n);
    for (const Term& term : giants_[g].terms) {
      const Extended& baby = work.babies[term.baby];
      const Plaintext& d = term.diagonal;
      out.level = baby.level;
      out.slots = slots_;
      out.scale = baby.scale * d.scale;
    }
  }
  work.operands.resize(2 * most * limbs);
  stages.each(limbs, [&](std::size_t i) {
    const u64** left = work.operands.data() + 2 * most * i;
    const u64** right = left + most;
    for (std::size_t at = 0; at < n; at += size)
      for (std::size_t g = 0; g < giants_.size(); ++g)
        for (std::size_t part = 0; part < 2; ++part) {
          const std::vector<Term>& terms = giants_[g].terms;
          for (std::size_t t = 0; t < terms.size(); ++t) {
            left[t] = work.babies[terms[t].baby].part[part].limb(i) + at;
            right[t] = terms[t].diagonal.poly.limb(i) + at;
          }
          context_.kernels().inner(work.sums[g].part[part].limb(i) + at, left, right, terms.size(),
                                   size, context_.extended(level_, i).mod);
        }
  });
}

// Adds the giant rotation of an undivided sum to the first sum. Only its second polynomial is
// divided by P, to be switched.
void LinearTransform::add_rotated(Extended& sum, int steps, Evaluator& evaluator,
                                  const KeySet& keys, LinearWorkspace& work) const {
  SwitchStages& stages = evaluator.stages();
  const std::uint32_t galois = context_.galois(steps);
  const SwitchKey& key = keys.find(context_, galois, level_);
  const std::vector<std::uint32_t>& index = evaluator.permutation(galois);
  const std::size_t n = context_.n(), limbs = sum.part[0].limbs();
  stages.mod_down(sum.part[1], level_, work.divided);
  stages.mod_up(work.divided, level_, work.again);
  stages.inner(work.again, key, index.data(), {}, work.turned);
  Extended& total = work.sums[0];
  stages.each(limbs, [&](std::size_t i) {
    const Kernels& kernels = context_.kernels();
    const Modulus& m = context_.extended(level_, i).mod;
    alignas(64) u64 turned[1024];
    const std::size_t size = std::min(n, std::size(turned));
    for (std::size_t at = 0; at < n; at += size) {
      kernels.gather(turned, sum.part[0].limb(i), index.data() + at, ~0u, size);
      for (std::size_t part = 0; part < 2; ++part) {
        u64* to = total.part[part].limb(i) + at;
        kernels.add(to, to, work.turned[part].limb(i) + at, size, m);
        if (part == 0) kernels.add(to, to, turned, size, m);
      }
    }
  });
}

// The error of the undivided sum. Babies have keys of their own, so their noises within one giant
// step are independent; the giants' are too. Another transform of the same ciphertext shares them:
// each kind is one source. A slot gets a row's share of the input's: of uncorrelated slots by
// squares.
void LinearTransform::carry(const Ciphertext& in, LinearWorkspace& work) const {
  Extended& sum = work.sums[0];
  ErrorModel &input = work.random, &out = sum.random;
  const double scale = sum.scale / in.scale, extra = rounding_ * scale;  // of the diagonals
  const double gain = gain_ * scale + extra, giants = giants_.size() - 1;
  const double noise = context_.switch_noise(level_) / context_.p_size();
  const double switched = context_.switch_deviation(level_) / context_.p_size();
  const double turned = std::hypot(switched, context_.deviation_of(kRoundingDeviation) *
                                                 context_.deviation_of(kSecretDeviation));
  const u64 babies = context_.source_of(Event::switching, in.part[1]);
  const auto slots = static_cast<int>(context_.slots());
  const auto offset = [slots](int steps) {
    return static_cast<std::uint32_t>((steps % slots + slots) % slots);
  };
  input.assign(in.random);
  std::size_t diagonals = 0;
  for (const Giant& giant : giants_) diagonals += giant.terms.size();
  if (input.terms().size() * diagonals > ErrorModel::kMost) input.forget();
  work.terms.clear();
  for (const Giant& giant : giants_) {
    for (const Term& term : giant.terms) {
      const double factor = term.diagonal.bound * scale + term.diagonal.noise;
      const std::uint32_t shift = offset(giant.steps + babies_[term.baby]);
      for (const ErrorModel::Term& t : input.terms())
        work.terms.push_back(
            {t.source, offset(static_cast<int>(t.offset + shift)), t.amplitude * factor});
    }
    work.terms.push_back({babies, offset(giant.steps), switched * (giant.root * scale + extra)});
  }
  out.set_terms(work.terms);
  out.add_bias(input.bias() * gain + in.magnitude * in.scale * extra);
  out.add_unknown(input.unknown() * gain, input.unknown_peak() * gain);
  out.add_source(context_.source_of(Event::giant, in.part[1]), turned * std::sqrt(giants));
  const double root = root_ * scale + extra;
  const double rows = input.deviation() * (input.uncorrelated() ? root : gain);
  const double keys = switched * (rotated_root_ * scale + extra);
  out.cap(std::sqrt(rows * rows + keys * keys + turned * turned * giants));
  sum.magnitude = in.magnitude * gain_;
  sum.noise = (in.noise + noise) * gain + in.magnitude * in.scale * extra +
              giants * (noise + context_.division_noise());
}

void LinearTransform::apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                            LinearWorkspace& work, Ciphertext& out) const {
  require(in, evaluator);
  // before any work
  for (const int steps : rotations_) keys.find(context_, context_.galois(steps), level_);
  evaluator.raise(in, work.raised);
  if (work.babies.size() < babies_.size()) work.babies.resize(babies_.size());
  for (std::size_t b = 0; b < babies_.size(); ++b)
    evaluator.rotate_extended(in, work.raised, babies_[b], keys, work.babies[b]);
  sum_products(work, evaluator.stages());
  carry(in, work);
  for (std::size_t g = 1; g < giants_.size(); ++g)
    add_rotated(work.sums[g], giants_[g].steps, evaluator, keys, work);
  evaluator.finish_rescale(work.sums[0], out);
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
  to.poly.resize(level_ + 1, context_.n());
  for (std::size_t i = 0; i < to.poly.limbs(); ++i)
    context_.kernels().gather(to.poly.limb(i), from.poly.limb(i), index.data(), ~0u, context_.n());
}

void LinearTransform::apply_single_hoisted(const Ciphertext& in, Evaluator& evaluator,
                                           const KeySet& keys, Ciphertext& out) const {
  require(in, evaluator);
  Raised raised;
  evaluator.raise(in, raised);
  Ciphertext rotated, sum, product;
  Plaintext plain;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) {
      const Plaintext* diagonal = &term.diagonal;
      // this form wants the diagonal itself: turned forward again, in the transformed domain
      if (giant.steps != 0) {
        turn(term.diagonal, evaluator.permutation(context_.galois(giant.steps)), plain);
        diagonal = &plain;
      }
      evaluator.rotate_raised(in, raised, giant.steps + babies_[term.baby], keys, rotated);
      evaluator.multiply(rotated, *diagonal, product);
      if (sum.part[0].limbs() == 0) sum = std::move(product);
      else evaluator.add(sum, product, sum);
    }
  evaluator.rescale(sum, out);
}

}  // namespace pliant::ckks
