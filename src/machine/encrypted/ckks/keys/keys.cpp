#include "machine/encrypted/ckks/keys/keys.h"

#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include "core/error.h"
#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/ring/ntt.h"

namespace pliant::ckks {

namespace {

std::size_t extended_limbs(const Context& context, int level) {
  return level + 1 + context.special();
}

}  // namespace

void require(const Context& context, const SecretKey& key, const char* verb) {
  require_same(context, key.params(), verb, "the secret key");
  if (!key.poly().is(extended_limbs(context, context.levels()), context.n()))
    throw Error(ErrorKind::invalid, fmt::format("ckks {}", verb), "the secret key is empty",
                "it was moved to another");
}

void require(const Context& context, const PublicKey& key, const char* verb) {
  require_same(context, key.params, verb, "the public key");
  const std::size_t limbs = context.levels() + 1;
  if (!key.a.is(limbs, context.n()) || !key.b.is(limbs, context.n()))
    throw Error(ErrorKind::invalid, fmt::format("ckks {}", verb), "the public key is empty",
                "make or read it first");
}

void require(const Context& context, const SwitchKey& key, const char* verb) {
  require_same(context, key.params, verb, "the key");
  const auto refuse = [&](const std::string& problem) { contradicts(verb, "the key", problem); };
  if (key.level < 0 || key.level > context.levels())
    refuse(fmt::format("level {} of {}", key.level, context.levels()));
  const std::size_t digits = context.level(key.level).digits.size();
  if (key.a.size() != digits || key.b.size() != digits)
    refuse(fmt::format("{} and {} digits instead of {}", key.b.size(), key.a.size(), digits));
  const std::size_t limbs = extended_limbs(context, key.level);
  for (const std::vector<PackedPoly>* half : {&key.a, &key.b})
    for (const PackedPoly& digit : *half)
      if (!digit.is(limbs, context.n()))
        refuse(fmt::format("a digit of {} limbs instead of {}", digit.limbs(), limbs));
}

Randomness::Randomness(const Seed& seed) : given_(seed), process_(getpid()) {}

Randomness::~Randomness() {
  if (given_) sodium_memzero(given_->data(), given_->size());
}

RandomStream Randomness::stream() {
  if (!given_) return {};
  if (getpid() != process_)
    throw Error(ErrorKind::usage, "ckks randomness",
                fmt::format("process {} would repeat the random numbers of process {}, which was "
                            "given the seed",
                            getpid(), process_),
                "make a new one after fork(), or give no seed");
  return {*given_, next_++};
}

Seed Randomness::seed() {
  if (!given_) return fresh_seed();
  RandomStream stream = this->stream();
  Seed seed;
  for (std::uint8_t& byte : seed) byte = stream.byte();
  return seed;
}

void expand_seed(const Context& context, const Seed& seed, std::size_t digit, int level,
                 bool extended, Poly& out) {
  const std::size_t own = level + 1;
  out.resize(own + (extended ? context.special() : 0), context.n());
  for (std::size_t i = 0; i < out.limbs(); ++i) {
    // Streams are numbered by the prime's place in the whole chain, not by the limb's in this
    // polynomial.
    const std::size_t place = i < own ? i : context.levels() + 1 + i - own;
    RandomStream stream(seed, digit << 32 | place);
    sample_uniform(stream, {out.limb(i), context.n()}, context.extended(level, i).mod);
  }
}

void spread(const Context& context, std::span<const std::int64_t> small, int level, bool extended,
            Poly& out) {
  out.resize(level + 1 + (extended ? context.special() : 0), context.n());
  for (std::size_t i = 0; i < out.limbs(); ++i) {
    const NttTable& table = context.extended(level, i);
    u64* limb = out.limb(i);
    // |small| < q: adding q to the negative ones is all the reduction there is, without a branch.
    for (std::size_t k = 0; k < small.size(); ++k)
      limb[k] = static_cast<u64>(small[k]) + (table.mod.q & static_cast<u64>(small[k] >> 63));
    context.kernels().forward(limb, table);
  }
}

SecretKey::SecretKey(const Context& context, std::span<const std::int64_t> coefficients)
    : params_(context.hash()) {
  if (coefficients.size() != context.n())
    throw Error(ErrorKind::usage, "ckks secret key",
                fmt::format("{} coefficients instead of {}", coefficients.size(), context.n()));
  spread(context, coefficients, context.levels(), true, poly_.get());
}

SecretValues SecretKey::coefficients(const Context& context) const {
  SecretValues result(context.n());
  SecretPoly copy(1, context.n());
  u64* const first = copy.get().limb(0);
  const NttTable& table = context.table(0);
  std::copy(poly().limb(0), poly().limb(0) + context.n(), first);
  context.kernels().inverse(first, table, factor(table.n_inverse, table.mod));
  for (std::size_t k = 0; k < context.n(); ++k) {
    const u64 negative = u64{0} - static_cast<u64>(first[k] > 1);
    result.get()[k] = static_cast<std::int64_t>(first[k] - (table.mod.q & negative));
  }
  return result;
}

std::size_t SwitchKey::bytes() const {
  std::size_t sum = 0;
  for (const std::vector<PackedPoly>* half : {&a, &b})
    for (const PackedPoly& poly : *half) sum += poly.bytes();
  return sum;
}

PackedPoly packed(const Context& context, const Poly& poly, int level) {
  std::vector<const NttTable*> tables;
  for (std::size_t i = 0; i < poly.limbs(); ++i) tables.push_back(&context.extended(level, i));
  return {poly, tables};
}

std::size_t key_bytes(const Context& context, int level) {
  const PackedPoly one = packed(context, Poly(extended_limbs(context, level), 0), level);
  std::size_t bits = 0;
  for (std::size_t i = 0; i < one.limbs(); ++i)
    bits += static_cast<std::size_t>(packed_width(context.extended(level, i).mod.q));
  return 2 * context.level(level).digits.size() * (one.bytes() + context.n() / 8 * bits);
}

void KeySet::add(SwitchKey key) {
  const auto [first, last] = keys_.equal_range(key.galois);
  for (auto other = first; other != last;)
    other = other->second.level < key.level ? keys_.erase(other) : std::next(other);
  keys_.emplace(key.galois, std::move(key));
}

void KeySet::remove(std::uint32_t galois) { keys_.erase(galois); }

const SwitchKey& KeySet::find(const Context& context, std::uint32_t galois, int level) const {
  const SwitchKey* best = nullptr;
  int highest = -1;
  const auto [first, last] = keys_.equal_range(galois);
  for (auto it = first; it != last; ++it) {
    highest = std::max(highest, it->second.level);
    if (it->second.level >= level && (best == nullptr || it->second.level < best->level))
      best = &it->second;
  }
  if (best == nullptr) {
    std::string what = galois == 0                       ? "relinearization"
                       : galois == context.conjugation() ? "conjugation"
                                                         : "rotation";
    if (what == "rotation")
      for (int steps = 0; steps < static_cast<int>(context.slots()); ++steps)
        if (context.galois(steps) == galois) what = fmt::format("rotation by {}", steps);
    throw Error(ErrorKind::not_found, "ckks keys",
                highest < 0 ? fmt::format("no key for {} at level {}", what, level)
                            : fmt::format("no key for {} at level {}, only up to level {}", what,
                                          level, highest),
                "generate it with the KeyGenerator");
  }
  require(context, *best, "keys");
  return *best;
}

SecretKey KeyGenerator::secret_key() {
  context_.use("secret key");
  SecretValues coefficients(context_.n());
  RandomStream stream = random_.stream();
  sample_ternary(stream, coefficients.get());
  return {context_, coefficients.get()};
}

PublicKey KeyGenerator::public_key(const SecretKey& secret) {
  require(context_, secret, "public key");
  context_.use("public key");
  PublicKey key{{}, {}, random_.seed(), context_.hash()};
  expand_seed(context_, key.seed, 0, context_.levels(), false, key.a);
  // What is needed comes first, so that no failure leaves the bare error in the key.
  SecretValues error(context_.n());
  SecretPoly product(1, context_.n());
  RandomStream stream = random_.stream();
  sample_error(stream, error.get());
  spread(context_, error.get(), context_.levels(), false, key.b);
  u64* const limb = product.get().limb(0);
  for (std::size_t i = 0; i < key.b.limbs(); ++i) {
    const Kernels& kernels = context_.kernels();
    const Modulus& m = context_.modulus(i);
    kernels.multiply(limb, key.a.limb(i), secret.poly().limb(i), context_.n(), m);
    kernels.subtract(key.b.limb(i), key.b.limb(i), limb, context_.n(), m);
  }
  return key;
}

// `from` and `to` have every limb of the chain.
SwitchKey KeyGenerator::switch_key(const Poly& from, const Poly& to, int level) {
  const Kernels& kernels = context_.kernels();
  const std::size_t n = context_.n(), own = level + 1;
  SwitchKey key;
  key.level = level;
  key.seed = random_.seed();
  key.params = context_.hash();
  SecretValues error(n);
  SecretPoly scratch(1, n);
  u64* const product = scratch.get().limb(0);
  for (std::size_t d = 0; d < context_.level(level).digits.size(); ++d) {
    const Digit& digit = context_.level(level).digits[d];
    Poly a, b;
    expand_seed(context_, key.seed, d, level, true, a);
    RandomStream stream = random_.stream();
    sample_error(stream, error.get());
    spread(context_, error.get(), level, true, b);
    for (std::size_t i = 0; i < extended_limbs(context_, level); ++i) {
      const Modulus& m = context_.extended(level, i).mod;
      const std::size_t place = i < own ? i : context_.levels() + 1 + i - own;
      kernels.multiply(product, a.limb(i), to.limb(place), n, m);
      kernels.subtract(b.limb(i), b.limb(i), product, n, m);
      if (i < digit.first || i >= digit.first + digit.count) continue;
      kernels.scale(product, from.limb(place), context_.p_mod(i), n, m);
      kernels.add(b.limb(i), b.limb(i), product, n, m);
    }
    key.a.push_back(packed(context_, a, level));
    key.b.push_back(packed(context_, b, level));
  }
  return key;
}

SwitchKey KeyGenerator::relinearization_key(const SecretKey& secret, int level) {
  require(context_, secret, "relinearization key");
  context_.use("relinearization key");
  const Poly& s = secret.poly();
  SecretPoly square(s.limbs(), s.n());
  for (std::size_t i = 0; i < s.limbs(); ++i)
    context_.kernels().multiply(square.get().limb(i), s.limb(i), s.limb(i), s.n(),
                                context_.modulus(i));
  return switch_key(square.get(), s, context_.top(level, "ckks key"));
}

// The evaluator switches first and permutes afterwards, so the key leads to the secret's image
// under the inverse.
SwitchKey KeyGenerator::galois_key(const SecretKey& secret, std::uint32_t galois, int level) {
  require(context_, secret, "rotation key");
  context_.use("rotation key");
  const auto order = static_cast<std::uint32_t>(2 * context_.n());
  std::uint32_t inverse = 1;  // galois^(N/2 - 1): every odd number has an order that divides N/2
  for (std::size_t i = 0; i + 1 < context_.slots(); ++i) inverse = inverse * galois & (order - 1);
  const std::vector<std::uint32_t> index = automorphism_index(inverse, context_.params().log_n);
  const Poly& s = secret.poly();
  SecretPoly image(s.limbs(), s.n());
  for (std::size_t i = 0; i < s.limbs(); ++i)
    context_.kernels().gather(image.get().limb(i), s.limb(i), index.data(), ~0u, s.n());
  SwitchKey key = switch_key(s, image.get(), context_.top(level, "ckks key"));
  key.galois = galois;
  return key;
}

SwitchKey KeyGenerator::rotation_key(const SecretKey& secret, int steps, int level) {
  return galois_key(secret, context_.galois(steps), level);
}

SwitchKey KeyGenerator::conjugation_key(const SecretKey& secret, int level) {
  return galois_key(secret, context_.conjugation(), level);
}

}  // namespace pliant::ckks
