#include "machine/encrypted/ckks/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <set>

#include "core/error.h"

namespace pliant::ckks {

namespace {

int common_step(const Diagonals& diagonals) {
  int step = 0;
  for (const auto& [offset, values] : diagonals) step = std::gcd(step, offset - diagonals.begin()->first);
  return std::max(step, 1);
}

// What `babies` costs, in undivided rotations: a giant step, which divides and raises again, is worth about three.
int cost(const std::vector<int>& places, int babies) {
  std::set<int> small, large;
  for (const int place : places) {
    small.insert(place % babies);
    large.insert(place / babies);
  }
  return static_cast<int>(small.size() + 3 * large.size());
}

}  // namespace

LinearTransform::LinearTransform(const Context& context, Encoder& encoder, const Diagonals& diagonals,
                                 const LinearOptions& options)
    : context_(context), level_(options.level < 0 ? context.levels() : options.level) {
  const auto refuse = [](const std::string& problem) {
    throw Error(ErrorKind::usage, "ckks linear transform", problem);
  };
  if (diagonals.empty()) refuse("no diagonals");
  if (level_ == 0 || level_ > context.levels())
    refuse(fmt::format("level {} is not between 1 and {}", level_, context.levels()));
  const int first = diagonals.begin()->first, step = options.step == 0 ? common_step(diagonals) : options.step;
  slots_ = diagonals.begin()->second.size();
  if (step < 1 || options.babies < 0) refuse(fmt::format("step {} with {} babies", step, options.babies));
  std::vector<int> places;
  for (const auto& [offset, values] : diagonals) {
    if (values.size() != slots_)
      refuse(fmt::format("diagonal {} has {} values, diagonal {} has {}", offset, values.size(), first, slots_));
    if ((offset - first) % step != 0)
      refuse(fmt::format("offsets {} and {} do not differ by a multiple of the step {}", offset, first, step));
    places.push_back((offset - first) / step);
  }
  int babies = options.babies;
  if (babies == 0) {
    babies = 1;
    for (int count = 2; count <= places.back() + 1; ++count)
      if (cost(places, count) < cost(places, babies)) babies = count;
  }
  // The product lands on the scale list: scale[level] * scale of the diagonal / q[level] = scale[level - 1].
  const double scale = context.scale(level_ - 1) * static_cast<double>(context.q(level_).mod.q) / context.scale(level_);
  std::map<int, Giant> giants;
  for (const auto& [offset, values] : diagonals) {
    const int place = (offset - first) / step, large = place / babies * babies * step;
    std::vector<std::complex<double>> turned(slots_);
    const auto count = static_cast<int>(slots_);
    for (int k = 0; k < count; ++k)
      turned[static_cast<std::size_t>(((k + large) % count + count) % count)] = values[static_cast<std::size_t>(k)];
    Giant& giant = giants[large];
    giant.steps = large;
    const EncodeOptions encoding{level_, scale, largest(values), true};
    giant.terms.push_back({first + place % babies * step, encoder.encode(turned, encoding)});
  }
  for (auto& [steps, giant] : giants) giants_.push_back(std::move(giant));
}

std::vector<int> LinearTransform::rotations() const {
  std::set<int> steps;
  for (const Giant& giant : giants_) {
    steps.insert(giant.steps);
    for (const Term& term : giant.terms) steps.insert(term.baby);
  }
  steps.erase(0);
  return {steps.begin(), steps.end()};
}

std::vector<int> LinearTransform::offsets() const {
  std::set<int> steps;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) steps.insert(giant.steps + term.baby);
  return {steps.begin(), steps.end()};
}

std::size_t LinearTransform::bytes() const {
  std::size_t sum = 0;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) sum += term.diagonal.poly.bytes();
  return sum;
}

void LinearTransform::require(const Ciphertext& in, const Evaluator& evaluator) const {
  evaluator.require(in, "linear transform");
  const auto refuse = [](const std::string& problem, const char* next = "") {
    throw Error(ErrorKind::invalid, "ckks linear transform", problem, next);
  };
  if (in.size != 2) refuse(fmt::format("a ciphertext of {} parts instead of 2", in.size), "relinearize it first");
  if (in.level != level_)
    refuse(fmt::format("a ciphertext of level {}, diagonals of level {}", in.level, level_), "adjust it");
  if (slots_ % in.slots != 0) refuse(fmt::format("a ciphertext of {} slots, diagonals of {}", in.slots, slots_));
}

// The sum of diagonal * baby of each giant step, undivided. Blocks of coefficients go through all giant steps together,
// so that the babies are read from memory once.
std::vector<Extended> LinearTransform::sums(const std::map<int, Extended>& babies, Stages& stages) const {
  const std::size_t limbs = static_cast<std::size_t>(level_) + 1 + context_.special(), n = context_.n();
  const std::size_t size = std::min<std::size_t>(n, 1024);
  std::vector<Extended> result(giants_.size());
  for (std::size_t g = 0; g < giants_.size(); ++g) {
    Extended& out = result[g];
    for (Poly& part : out.part) part.resize(limbs, n);
    for (const Term& term : giants_[g].terms) {
      const Extended& baby = babies.at(term.baby);
      const Plaintext& d = term.diagonal;
      out.level = baby.level;
      out.slots = slots_;
      out.scale = baby.scale * d.scale;
      out.noise += baby.noise * (d.bound * d.scale + d.noise) + baby.magnitude * baby.scale * d.noise;
      out.magnitude += baby.magnitude * d.bound;
    }
  }
  stages.each(limbs, [&](std::size_t i) {
    std::vector<const u64*> left, right;
    for (std::size_t at = 0; at < n; at += size)
      for (std::size_t g = 0; g < giants_.size(); ++g)
        for (std::size_t part = 0; part < 2; ++part) {
          left.clear();
          right.clear();
          for (const Term& term : giants_[g].terms) {
            left.push_back(babies.at(term.baby).part[part].limb(i) + at);
            right.push_back(term.diagonal.poly.limb(i) + at);
          }
          context_.kernels().inner(result[g].part[part].limb(i) + at, left.data(), right.data(), left.size(), size,
                                   context_.extended(level_, i).mod);
        }
  });
  return result;
}

// The giant rotation of an undivided sum. Only its second polynomial is divided by P, to be switched.
Extended LinearTransform::rotated_sum(Extended& sum, int steps, Evaluator& evaluator, const KeySet& keys) const {
  Stages& stages = evaluator.stages();
  const std::uint32_t galois = context_.galois(steps);
  const SwitchKey& key = keys.find(context_, galois, level_);
  const std::vector<std::uint32_t>& index = evaluator.permutation(galois);
  const std::size_t n = context_.n(), limbs = sum.part[0].limbs();
  Poly divided;
  Raised raised;
  Extended out;
  stages.mod_down(sum.part[1], level_, divided);
  stages.mod_up(divided, level_, raised);
  stages.inner(raised, key, index.data(), {}, out.part);
  stages.each(limbs, [&](std::size_t i) {
    alignas(64) u64 turned[1024];
    const std::size_t size = std::min(n, std::size(turned));
    for (std::size_t at = 0; at < n; at += size) {
      u64* to = out.part[0].limb(i) + at;
      context_.kernels().gather(turned, sum.part[0].limb(i), index.data() + at, ~0u, size);
      context_.kernels().add(to, to, turned, size, context_.extended(level_, i).mod);
    }
  });
  out.level = sum.level;
  out.scale = sum.scale;
  out.slots = sum.slots;
  out.magnitude = sum.magnitude;
  out.noise = sum.noise + context_.switch_noise(level_) / context_.p_size() + context_.division_noise();
  return out;
}

void LinearTransform::apply(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys, Ciphertext& out) const {
  require(in, evaluator);
  for (const int steps : rotations()) keys.find(context_, context_.galois(steps), level_);  // before any work
  Stages& stages = evaluator.stages();
  Raised raised;
  evaluator.raise(in, raised);
  std::map<int, Extended> babies;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms)
      if (const auto [it, fresh] = babies.try_emplace(term.baby); fresh)
        evaluator.rotate_extended(in, raised, term.baby, keys, it->second);
  std::vector<Extended> parts = sums(babies, stages);
  babies.clear();
  Extended total;
  for (std::size_t g = 0; g < giants_.size(); ++g) {
    const int steps = giants_[g].steps;
    Extended turned = steps == 0 ? std::move(parts[g]) : rotated_sum(parts[g], steps, evaluator, keys);
    if (total.part[0].limbs() == 0) {
      total = std::move(turned);
      continue;
    }
    stages.each(total.part[0].limbs(), [&](std::size_t i) {
      for (std::size_t part = 0; part < 2; ++part)
        context_.kernels().add(total.part[part].limb(i), total.part[part].limb(i), turned.part[part].limb(i),
                               context_.n(), context_.extended(level_, i).mod);
    });
    total.noise += turned.noise;
    total.magnitude += turned.magnitude;
  }
  evaluator.finish_rescale(total, out);
}

void LinearTransform::turn(const Plaintext& from, const std::vector<std::uint32_t>& index, Plaintext& to) const {
  to.level = from.level;
  to.scale = from.scale;
  to.slots = from.slots;
  to.bound = from.bound;
  to.noise = from.noise;
  to.params = from.params;
  to.poly.resize(static_cast<std::size_t>(level_) + 1, context_.n());
  for (std::size_t i = 0; i < to.poly.limbs(); ++i)
    context_.kernels().gather(to.poly.limb(i), from.poly.limb(i), index.data(), ~0u, context_.n());
}

void LinearTransform::apply_single_hoisted(const Ciphertext& in, Evaluator& evaluator, const KeySet& keys,
                                           Ciphertext& out) const {
  require(in, evaluator);
  Raised raised;
  evaluator.raise(in, raised);
  Ciphertext rotated, sum, product;
  Plaintext plain;
  for (const Giant& giant : giants_)
    for (const Term& term : giant.terms) {
      const Plaintext* diagonal = &term.diagonal;
      if (giant.steps != 0) {  // this form wants the diagonal itself: turned forward again, in the transformed domain
        turn(term.diagonal, evaluator.permutation(context_.galois(giant.steps)), plain);
        diagonal = &plain;
      }
      evaluator.rotate_raised(in, raised, giant.steps + term.baby, keys, rotated);
      evaluator.multiply(rotated, *diagonal, product);
      if (sum.part[0].limbs() == 0) sum = std::move(product);
      else evaluator.add(sum, product, sum);
    }
  evaluator.rescale(sum, out);
}

}  // namespace pliant::ckks
