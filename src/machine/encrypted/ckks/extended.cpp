// Arithmetic on ciphertexts that wait for their division by P.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "machine/encrypted/ckks/evaluator.h"

namespace pliant::ckks {

namespace {

void header(const Extended& a, Extended& out) {  // all but parts
  out.random.assign(a.random);
  out.level = a.level;
  out.scale = a.scale;
  out.noise = a.noise;
  out.magnitude = a.magnitude;
  out.slots = a.slots;
  out.params = a.params;
}

}  // namespace

void Evaluator::require_whole(const Extended& a, const char* verb) const {
  const char* what = "the undivided ciphertext";
  require_same(context_, a.params, verb, what);
  if (a.level < 0 || a.level > context_.levels())
    contradicts(verb, what, fmt::format("level {}", a.level));
  const std::size_t limbs = a.level + 1 + context_.special();
  for (const Poly& part : a.part)
    if (!part.is(limbs, context_.n()))
      contradicts(verb, what, fmt::format("{} limbs instead of {}", part.limbs(), limbs));
  if (!std::has_single_bit(a.slots) || a.slots > context_.slots())
    contradicts(verb, what, fmt::format("{} slots of {}", a.slots, context_.slots()));
  for (const double field : {a.scale, a.noise, a.magnitude})
    if (!(field >= 0) || !std::isfinite(field)) contradicts(verb, what, fmt::format("{}", field));
}

void Evaluator::extend(const Ciphertext& a, Extended& out) {
  require_two(a, "extend");
  const std::size_t own = a.level + 1, n = context_.n();
  for (Poly& part : out.part) part.resize(own + context_.special(), n);
  stages_.each(own + context_.special(), [&](std::size_t i) {
    for (std::size_t part = 0; part < 2; ++part) {
      u64* limb = out.part[part].limb(i);
      if (i >= own) std::memset(limb, 0, n * sizeof(u64));  // P is zero modulo the special primes
      else
        context_.kernels().scale(limb, a.part[part].limb(i), context_.p_mod(i), n,
                                 context_.modulus(i));
    }
  });
  out.params = context_.hash();
  out.level = a.level;
  out.scale = a.scale;
  out.magnitude = a.magnitude;
  out.slots = a.slots;
  out.noise = a.noise;
  out.random.assign(a.random);
}

void Evaluator::rotate_extended(const Ciphertext& a, const Raised& raised, int steps,
                                const KeySet& keys, Extended& out) {
  require_two(a, "rotate");
  stages_.require_raised(raised, a.part[1], a.level);
  const std::uint32_t galois = context_.galois(steps);
  if (galois == 1) return extend(a, out);
  const SwitchKey& key = keys.find(context_, galois, a.level);
  stages_.inner(raised, key, permutation(galois).data(), {&a.part[0], nullptr}, out.part);
  out.params = context_.hash();
  out.level = a.level;
  out.scale = a.scale;
  out.magnitude = a.magnitude;
  out.slots = a.slots;
  out.noise = a.noise + context_.switch_noise(a.level) / context_.p_size();
  out.random.assign(a.random);
  out.random.rotate(steps, context_.slots());
  out.random.add_source(context_.source_of(Event::switching, a.part[1]), switch_deviation(a.level));
}

void Evaluator::add(const Extended& a, const Extended& b, Extended& out) {
  require_whole(a, "add");
  require_whole(b, "add");
  same_level("add", a.level, b.level);
  same_scale("add", a.scale, b.scale);
  const double noise = a.noise + b.noise, magnitude = a.magnitude + b.magnitude;
  require_fits("add", a.level, a.scale, magnitude, noise);
  const std::size_t slots = std::max(a.slots, b.slots), limbs = a.part[0].limbs();
  random_.assign(b.random);  // out may be b
  for (std::size_t part = 0; part < 2; ++part) {
    out.part[part].resize(limbs, context_.n());
    stages_.each(limbs, [&](std::size_t i) {
      context_.kernels().add(out.part[part].limb(i), a.part[part].limb(i), b.part[part].limb(i),
                             context_.n(), context_.extended(a.level, i).mod);
    });
  }
  header(a, out);
  out.random.add(random_);
  out.noise = noise;
  out.magnitude = magnitude;
  out.slots = slots;
}

void Evaluator::require_product(const Extended& a, const Plaintext& b) const {
  require_whole(a, "multiply");
  ckks::require(context_, b, "multiply");
  same_level("multiply", a.level, b.level);
  if (!b.extended)
    throw Error(ErrorKind::invalid, "ckks multiply",
                "a plaintext without the special primes for a ciphertext with them",
                "encode it with EncodingOptions::extended");
}

void Evaluator::multiply(const Extended& a, const Plaintext& b, Extended& out) {
  require_product(a, b);
  const double factor = b.bound * b.scale + b.noise, bias = a.magnitude * a.scale * b.noise;
  const double noise = a.noise * factor + bias, magnitude = a.magnitude * b.bound;
  require_fits("multiply", a.level, a.scale * b.scale, magnitude, noise);
  for (std::size_t part = 0; part < 2; ++part) {
    out.part[part].resize(a.part[part].limbs(), context_.n());
    stages_.each(a.part[part].limbs(), [&](std::size_t i) {
      context_.kernels().multiply(out.part[part].limb(i), a.part[part].limb(i), b.poly.limb(i),
                                  context_.n(), context_.extended(a.level, i).mod);
    });
  }
  header(a, out);
  out.random.scale(factor);
  out.random.add_bias(bias);
  out.scale *= b.scale;
  out.noise = noise;
  out.magnitude = magnitude;
  out.slots = std::max(a.slots, b.slots);
}

void Evaluator::multiply_add(const Extended& a, const Plaintext& b, Extended& sum) {
  require_product(a, b);
  require_whole(sum, "multiply");
  same_level("multiply", a.level, sum.level);
  same_scale("multiply", a.scale * b.scale, sum.scale);
  const double factor = b.bound * b.scale + b.noise, bias = a.magnitude * a.scale * b.noise;
  const double noise = sum.noise + a.noise * factor + bias,
               magnitude = sum.magnitude + a.magnitude * b.bound;
  require_fits("multiply", a.level, sum.scale, magnitude, noise);
  random_.assign(a.random);  // sum may be a
  for (std::size_t part = 0; part < 2; ++part)
    stages_.each(sum.part[part].limbs(), [&](std::size_t i) {
      context_.kernels().multiply_add(sum.part[part].limb(i), a.part[part].limb(i), b.poly.limb(i),
                                      context_.n(), context_.extended(a.level, i).mod);
    });
  random_.scale(factor);
  random_.add_bias(bias);
  sum.random.add(random_);
  sum.noise = noise;
  sum.magnitude = magnitude;
  sum.slots = std::max({sum.slots, a.slots, b.slots});
}

void Evaluator::rotate(const Extended& a, int steps, const KeySet& keys, Extended& out) {
  require_whole(a, "rotate");
  const std::uint32_t galois = context_.galois(steps);
  const SwitchKey* key = galois == 1 ? nullptr : &keys.find(context_, galois, a.level);
  for (std::size_t part = 0; part < 2; ++part) turned_.part[part].assign(a.part[part]);
  header(a, out);
  if (key == nullptr) {
    for (std::size_t part = 0; part < 2; ++part) out.part[part].assign(turned_.part[part]);
    return;
  }
  stages_.rotate_sum({nullptr, &turned_.part}, out.level, *key, permutation(galois).data(),
                     temporary_, false, out.part);
  out.noise += context_.switch_noise(out.level) / context_.p_size() + context_.division_noise();
  out.random.rotate(steps, context_.slots());
  out.random.add_source(context_.source_of(Event::giant, temporary_), turn_deviation(out.level));
}

// Of a switched key and of the rounding of what it switched, which the secret multiplies.
double Evaluator::turn_deviation(int level) const {
  return std::hypot(switch_deviation(level), context_.deviation_of(kRoundingDeviation) *
                                                 context_.deviation_of(kSecretDeviation));
}

void Evaluator::finish(Extended& a, bool rescale, Ciphertext& out) {
  const char* verb = "linear transform";
  require_whole(a, verb);
  require_fits(verb, a.level, a.scale, a.magnitude, a.noise);
  double moved = 0;
  const double scale = rescale ? rescaled(a.scale, a.level, a.magnitude, moved) : a.scale;
  const double by = rescale ? context_.q(a.level).mod.q : 1;
  const double noise = a.noise / by + context_.division_noise() + moved;
  const u64 source = context_.source_of(Event::division, a.part[1]);
  const std::array parts{&out.part[0], &out.part[1]};
  if (rescale) stages_.mod_down_rescale(a.part, a.level, parts);
  else stages_.mod_down(a.part, a.level, parts);
  out.size = 2;
  out.level = rescale ? a.level - 1 : a.level;
  out.scale = scale;
  out.slots = a.slots;
  out.params = context_.hash();
  out.seed.reset();
  out.noise = noise;
  out.random.assign(a.random);
  divided(out.random, source, by, context_.division_deviation(), moved);
  out.magnitude = a.magnitude;
  a.params = {};
}

void Evaluator::finish(Extended& a, Ciphertext& out) { finish(a, false, out); }
void Evaluator::finish_rescale(Extended& a, Ciphertext& out) { finish(a, true, out); }

}  // namespace pliant::ckks
