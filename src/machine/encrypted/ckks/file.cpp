#include "machine/encrypted/ckks/file.h"

#include <fmt/format.h>

#include <bit>
#include <tuple>

#include "core/error.h"

namespace pliant::ckks {

namespace {

void put(Writer& out, const Poly& poly) { out.put_words({poly.limb(0), poly.limbs() * poly.n()}); }

// An (extended) polynomial at `level`; its size is checked before it is allocated.
Poly get(Reader& in, const Context& context, int level, bool extended, const char* what) {
  const std::size_t limbs = level + 1 + (extended ? context.special() : 0);
  in.expect(limbs * context.n() * sizeof(u64), what);
  Poly poly(limbs, context.n());
  for (std::size_t i = 0; i < limbs; ++i)
    in.words({poly.limb(i), context.n()}, context.extended(level, i).mod.q, what);
  return poly;
}

// A few terms travel; of more only their sum.
constexpr std::size_t kTerms = 16;

void put(Writer& out, const ErrorModel& random) {
  ErrorModel known;
  known.assign(random);
  if (known.terms().size() > kTerms) known.forget();
  for (const double field :
       {known.bias(), known.deviation(), known.unknown(), known.unknown_peak()})
    out.put(field);
  out.put(static_cast<std::uint32_t>(known.terms().size()));
  for (const ErrorModel::Term& term : known.terms()) {
    out.put(term.source);
    out.put(term.offset);
    out.put(term.amplitude);
  }
}

ErrorModel get_random(Reader& in, const Context& context) {
  const double bias = in.real("bias"), deviation = in.real("deviation"),
               unknown = in.real("unknown deviation"), peak = in.real("unknown peak");
  std::vector<ErrorModel::Term> terms(in.word(kTerms, "number of error terms"));
  const ErrorModel::Term* last = nullptr;
  for (ErrorModel::Term& term : terms) {
    in.words({&term.source, 1}, ~u64{0}, "source");
    term.offset = in.word(static_cast<std::uint32_t>(context.slots() - 1), "offset");
    term.amplitude = in.real("amplitude");
    if (last != nullptr &&
        std::tie(last->source, last->offset) >= std::tie(term.source, term.offset))
      in.fail("the error terms are not in order");
    last = &term;
  }
  ErrorModel random;
  random.set_terms(terms);
  random.add_unknown(unknown, peak);
  random.add_bias(bias);
  if (deviation > random.deviation())
    in.fail(fmt::format("deviation {} exceeds that of the error terms", deviation));
  random.cap(deviation);
  return random;
}

int get_level(Reader& in, const Context& context) {
  return static_cast<int>(in.word(static_cast<std::uint32_t>(context.levels()), "level"));
}

}  // namespace

std::vector<std::byte> serialize(const Ciphertext& c, const Authentication& key) {
  require_whole(c, "ciphertext file");
  Writer out;
  const std::size_t stored = c.size - (c.seed ? 1 : 0);
  out.reserve(stored * c.part[0].bytes() + 1024);
  out.begin(EnvelopeKind::ciphertext, c.params);
  out.put(static_cast<std::uint32_t>(c.size));
  out.put(static_cast<std::uint32_t>(c.level));
  out.put(static_cast<std::uint32_t>(c.slots));
  out.put(std::uint32_t{c.seed.has_value()});
  for (const double field : {c.scale, c.noise, c.magnitude}) out.put(field);
  put(out, c.random);
  put(out, c.part[0]);
  if (c.seed) out.put(std::span<const std::uint8_t>(*c.seed));
  else put(out, c.part[1]);
  if (c.size == 3) put(out, c.part[2]);
  return out.seal(key);
}

Ciphertext parse_ciphertext(const Context& context, std::span<const std::byte> bytes,
                            const Authentication& key) {
  Reader in(bytes, EnvelopeKind::ciphertext, &context.hash(), key);
  Ciphertext c;
  c.size = static_cast<int>(in.word(3, "number of parts"));
  c.level = get_level(in, context);
  c.slots = in.word(static_cast<std::uint32_t>(context.slots()), "number of slots");
  const bool seeded = in.word(1, "seed flag") != 0;
  if (c.size < 2 || (seeded && c.size != 2))
    in.fail(fmt::format("{} parts{}", c.size, seeded ? " with a seed" : ""));
  if (!std::has_single_bit(c.slots))
    in.fail(fmt::format("{} slots are not a power of two", c.slots));
  c.scale = in.real("scale");
  c.noise = in.real("noise");
  c.magnitude = in.real("magnitude");
  if (c.scale < 1) in.fail(fmt::format("scale is {}", c.scale));
  c.random = get_random(in, context);
  c.params = context.hash();
  c.part[0] = get(in, context, c.level, false, "part 0");
  if (seeded) {
    in.read(c.seed.emplace(), "seed");
    expand_seed(context, *c.seed, 0, c.level, false, c.part[1]);
  } else {
    c.part[1] = get(in, context, c.level, false, "part 1");
  }
  if (c.size == 3) c.part[2] = get(in, context, c.level, false, "part 2");
  in.finish();
  return c;
}

std::vector<std::byte> serialize(const Context& context, const SecretKey& secret,
                                 const Authentication& key) {
  require(context, secret, "secret key file");
  Writer out;
  out.reserve(context.n() + 256);  // no reallocation leaves a copy behind
  out.begin(EnvelopeKind::secret_key, secret.params());
  for (const std::int64_t c : secret.coefficients(context)) {
    const auto byte = static_cast<std::uint8_t>(c + 1);
    out.put(std::span<const std::uint8_t>(&byte, 1));
  }
  return out.seal(key);
}

SecretKey parse_secret_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key) {
  Reader in(bytes, EnvelopeKind::secret_key, &context.hash(), key);
  in.expect(context.n(), "coefficients");
  SecretValues coefficients(context.n());
  for (std::int64_t& c : coefficients.get()) {
    std::uint8_t byte = 0;
    in.read({&byte, 1}, "a coefficient");
    if (byte > 2) in.fail("a coefficient is not -1, 0 or 1");
    c = std::int64_t{byte} - 1;
  }
  in.finish();
  return {context, coefficients.get()};
}

std::vector<std::byte> serialize(const PublicKey& public_key, const Authentication& key) {
  Writer out;
  out.reserve(public_key.b.bytes() + 256);
  out.begin(EnvelopeKind::public_key, public_key.params);
  out.put(std::span<const std::uint8_t>(public_key.seed));
  put(out, public_key.b);
  return out.seal(key);
}

PublicKey parse_public_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key) {
  Reader in(bytes, EnvelopeKind::public_key, &context.hash(), key);
  PublicKey public_key;
  public_key.params = context.hash();
  in.read(public_key.seed, "seed");
  public_key.b = get(in, context, context.levels(), false, "the key");
  in.finish();
  expand_seed(context, public_key.seed, 0, context.levels(), false, public_key.a);
  return public_key;
}

std::vector<std::byte> serialize(const SwitchKey& switch_key, const Authentication& key) {
  Writer out;
  out.reserve(switch_key.bytes() + 256);
  out.begin(EnvelopeKind::switch_key, switch_key.params);
  out.put(switch_key.galois);
  out.put(static_cast<std::uint32_t>(switch_key.level));
  out.put(std::span<const std::uint8_t>(switch_key.seed));
  for (const PackedPoly& digit : switch_key.b) put(out, digit.unpacked());
  return out.seal(key);
}

namespace {

SwitchKeyName get_name(Reader& in, const Context& context) {
  SwitchKeyName name;
  name.galois = in.word(static_cast<std::uint32_t>(2 * context.n() - 1), "automorphism");
  if (name.galois % 2 == 0 && name.galois != 0)
    in.fail(fmt::format("automorphism {} is even", name.galois));
  name.level = get_level(in, context);
  return name;
}

// Of the half that is not a seed.
std::size_t residue_bytes(const Context& context, int level) {
  const std::size_t limbs = level + 1 + context.special();
  return context.level(level).digits.size() * limbs * context.n() * sizeof(u64);
}

}  // namespace

SwitchKeyName switch_key_name(const Context& context, std::span<const std::byte> bytes,
                              const Authentication& key) {
  Reader in(bytes, EnvelopeKind::switch_key, &context.hash(), key);
  const SwitchKeyName name = get_name(in, context);
  in.expect(sizeof(Seed) + residue_bytes(context, name.level), "the key");
  return name;
}

SwitchKey parse_switch_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key) {
  Reader in(bytes, EnvelopeKind::switch_key, &context.hash(), key);
  SwitchKey switch_key;
  switch_key.params = context.hash();
  const SwitchKeyName name = get_name(in, context);
  switch_key.galois = name.galois;
  switch_key.level = name.level;
  in.read(switch_key.seed, "seed");
  const std::size_t digits = context.level(switch_key.level).digits.size();
  in.expect(residue_bytes(context, switch_key.level), "the key");
  for (std::size_t d = 0; d < digits; ++d)
    switch_key.b.push_back(
        packed(context, get(in, context, switch_key.level, true, "a digit"), switch_key.level));
  in.finish();
  Poly half;
  for (std::size_t d = 0; d < digits; ++d) {
    expand_seed(context, switch_key.seed, d, switch_key.level, true, half);
    switch_key.a.push_back(packed(context, half, switch_key.level));
  }
  return switch_key;
}

}  // namespace pliant::ckks
