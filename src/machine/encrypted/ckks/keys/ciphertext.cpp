#include "machine/encrypted/ckks/keys/ciphertext.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"

namespace pliant::ckks {

namespace {

void describe_plain(const Context& context, const Plaintext& plaintext, Ciphertext& out) {
  require(context, plaintext, "encrypt");
  if (plaintext.extended)
    throw Error(ErrorKind::usage, "ckks encrypt", "an extended plaintext is an operand only");
  out.size = 2;
  out.level = plaintext.level;
  out.scale = plaintext.scale;
  out.magnitude = plaintext.bound;
  out.slots = plaintext.slots;
  out.params = context.hash();
  out.seed.reset();
  const double slots = plaintext.slots;
  const double transform =
      plaintext.bound * plaintext.scale * context.embedding().error(plaintext.slots);
  out.random.clear();
  if (plaintext.deviation > 0) {
    out.noise = plaintext.noise;
    out.random.add_bias(transform);
    out.random.add_source(plaintext.source, plaintext.deviation);
  } else {
    out.noise = slots + transform;  // 2 slots coefficients, each off by up to 1/2
    out.random.add_bias(out.noise);
  }
}

}  // namespace

void require_whole(const Ciphertext& c, const char* verb) {
  const auto refuse = [&](const std::string& problem) {
    contradicts(verb, "the ciphertext", problem);
  };
  if (c.size < 2 || c.size > 3) refuse(fmt::format("{} parts", c.size));
  if (c.level < 0) refuse(fmt::format("level {}", c.level));
  if (!(c.scale > 0) || !std::isfinite(c.scale)) refuse(fmt::format("scale {}", c.scale));
  for (const double bound : {c.noise, c.magnitude})
    if (!(bound >= 0) || !std::isfinite(bound)) refuse(fmt::format("a bound of {}", bound));
  const std::size_t n = c.part[0].n();
  if (!std::has_single_bit(c.slots) || 2 * c.slots > n)
    refuse(fmt::format("{} slots of {}", c.slots, n / 2));
  for (int part = 0; part < c.size; ++part)
    if (const Poly& p = c.part[part]; !p.is(c.level + 1, n))
      refuse(fmt::format("part {} has {} limbs of {} instead of {} of {}", part, p.limbs(), p.n(),
                         c.level + 1, n));
}

void require(const Context& context, const Ciphertext& c, const char* verb) {
  require_same(context, c.params, verb, "the ciphertext");
  require_whole(c, verb);
  if (c.level > context.levels() || c.part[0].n() != context.n())
    contradicts(verb, "the ciphertext", fmt::format("level {} of {}", c.level, context.levels()));
}

void Ciphertext::assign(const Ciphertext& other) {
  if (this == &other) return;
  for (int i = 0; i < std::clamp(other.size, 0, 3); ++i) part[i].assign(other.part[i]);
  size = other.size;
  level = other.level;
  scale = other.scale;
  noise = other.noise;
  random.assign(other.random);
  magnitude = other.magnitude;
  slots = other.slots;
  params = other.params;
  seed = other.seed;
}

Ciphertext Ciphertext::copy() const {
  Ciphertext result;
  result.assign(*this);
  return result;
}

Encryptor::Encryptor(const Context& context, const PublicKey& key)
    : context_(context), public_(&key) {
  check();
}
Encryptor::Encryptor(const Context& context, const PublicKey& key, const Seed& seed)
    : context_(context), public_(&key), random_(seed) {
  check();
}
Encryptor::Encryptor(const Context& context, const SecretKey& key)
    : context_(context), secret_(&key) {
  check();
}
Encryptor::Encryptor(const Context& context, const SecretKey& key, const Seed& seed)
    : context_(context), secret_(&key), random_(seed) {
  check();
}

void Encryptor::check() const {
  if (public_ != nullptr) require(context_, *public_, "encrypt");
  else require(context_, *secret_, "encrypt");
}

void Encryptor::encrypt(const Plaintext& plaintext, Ciphertext& out) {
  check();
  describe_plain(context_, plaintext, out);
  context_.use("encrypt");
  if (public_ != nullptr) encrypt_public(plaintext, out);
  else encrypt_symmetric(plaintext, out);
  out.random.add_source(context_.source_of(Event::encryption, out.part[1]),
                        context_.encryption_deviation(public_ != nullptr));
}

Ciphertext Encryptor::encrypt(Encoder& encoder, std::span<const std::complex<double>> values,
                              EncodingOptions options) {
  RandomStream stream = random_.stream();
  options.dither = &stream;
  return encrypt_once(encoder.encode(values, options));
}

Ciphertext Encryptor::encrypt(Encoder& encoder, std::span<const double> values,
                              EncodingOptions options) {
  RandomStream stream = random_.stream();
  options.dither = &stream;
  return encrypt_once(encoder.encode(values, options));
}

// A plaintext that nobody else encrypts: its rounding and the encryption are one event.
Ciphertext Encryptor::encrypt_once(const Plaintext& plaintext) {
  Ciphertext out = encrypt(plaintext);
  ErrorModel random;
  random.add_bias(out.random.bias());
  random.add_source(context_.source_of(Event::encryption, out.part[1]), out.random.deviation());
  out.random.assign(random);
  return out;
}

Ciphertext Encryptor::encrypt(const Plaintext& plaintext) {
  Ciphertext out;
  encrypt(plaintext, out);
  return out;
}

// (b v + e0 + m, a v + e1): the error is e v + e0 + e1 s.
void Encryptor::encrypt_public(const Plaintext& plaintext, Ciphertext& out) {
  const std::size_t n = context_.n();
  SecretValues small(n);
  SecretPoly mask;
  RandomStream stream = random_.stream();
  sample_ternary(stream, small.get());
  spread(context_, small.get(), out.level, false, mask.get());
  for (std::size_t half = 0; half < 2; ++half) {
    sample_error(stream, small.get());
    spread(context_, small.get(), out.level, false, out.part[half]);
    const Poly& key = half == 0 ? public_->b : public_->a;
    for (std::size_t i = 0; i < out.part[half].limbs(); ++i)
      context_.kernels().multiply_add(out.part[half].limb(i), key.limb(i), mask.get().limb(i), n,
                                      context_.modulus(i));
  }
  for (std::size_t i = 0; i < out.part[0].limbs(); ++i)
    context_.kernels().add(out.part[0].limb(i), out.part[0].limb(i), plaintext.poly.limb(i), n,
                           context_.modulus(i));
  const double error = context_.norm_of(kErrorDeviation);
  out.noise += error * (1 + 2 * context_.secret_norm());
}

// (-a s + e + m, a).
void Encryptor::encrypt_symmetric(const Plaintext& plaintext, Ciphertext& out) {
  const std::size_t n = context_.n();
  // What is needed comes first, so that no failure leaves the bare error in the ciphertext.
  SecretValues small(n);
  SecretPoly product(1, n);
  RandomStream stream = random_.stream();
  out.seed = random_.seed();
  expand_seed(context_, *out.seed, 0, out.level, false, out.part[1]);
  sample_error(stream, small.get());
  spread(context_, small.get(), out.level, false, out.part[0]);
  for (std::size_t i = 0; i < out.part[0].limbs(); ++i) {
    const Modulus& m = context_.modulus(i);
    u64* limb = out.part[0].limb(i);
    context_.kernels().multiply(product.get().limb(0), out.part[1].limb(i), secret_->poly().limb(i),
                                n, m);
    context_.kernels().subtract(limb, limb, product.get().limb(0), n, m);
    context_.kernels().add(limb, limb, plaintext.poly.limb(i), n, m);
  }
  out.noise += context_.norm_of(kErrorDeviation);
}

}  // namespace pliant::ckks
