#include "machine/encrypted/ckks/context/encoder.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace pliant::ckks {

namespace {

// A double that holds an integer, modulo q. Beyond 2^63 it is mantissa times a power of two, still
// exact.
u64 residue(double value, const Modulus& m) {
  if (std::abs(value) < 0x1p62) return from_signed(static_cast<std::int64_t>(value), m);
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const u64 mantissa = from_signed(static_cast<std::int64_t>(std::ldexp(fraction, 53)), m);
  return multiply(mantissa, power(2, static_cast<u64>(exponent - 53), m), m);
}

// Coefficients are no larger than the slots: here each is far from where doubles end to hold
// halves, and so one addition rounds it to nearest.
constexpr double kNearest = 0x1.8p52;
bool small(const Plaintext& plaintext) { return plaintext.bound * plaintext.scale < 0x1p50; }

// The largest of complex numbers, real parts first. Eight at a time: the compiler keeps the order
// of a maximum.
double largest_of(const std::vector<double>& values) {
  const std::size_t count = values.size() / 2;
  std::array<double, 8> most{};
  for (std::size_t i = 0; i < count; ++i) {
    const double re = values[i], im = values[count + i];
    most[i % 8] = std::max(most[i % 8], re * re + im * im);
  }
  return std::sqrt(*std::max_element(most.begin(), most.end())) * (1 + 0x1p-50);
}

// The first `count` values to every (n / count)th place, zero elsewhere.
void spread(u64* limb, std::size_t count, std::size_t n) {
  std::memset(limb + count, 0, (n - count) * sizeof(u64));
  for (std::size_t k = count; k-- > 1;) limb[k * (n / count)] = std::exchange(limb[k], 0);
}

// How many of the first values repeat: a power of two, if their number is one.
std::size_t period(std::span<const std::complex<double>> values) {
  std::size_t count = values.size();
  while (count > 1 && count % 2 == 0 &&
         std::equal(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count / 2),
                    values.begin() + static_cast<std::ptrdiff_t>(count / 2)))
    count /= 2;
  return count;
}

// A limb of rounded coefficients, transformed.
void expand_limb(const Context& context, std::span<const double> coefficients, bool small,
                 const NttTable& table, u64* limb) {
  const std::size_t count = coefficients.size(), n = context.n();
  const Kernels& kernels = count < 16 ? scalar_kernels() : context.kernels();
  if (small) kernels.residues(limb, coefficients.data(), count, table.mod);
  else
    for (std::size_t k = 0; k < count; ++k) limb[k] = residue(coefficients[k], table.mod);
  if (count < n) spread(limb, count, n);
  context.kernels().forward(limb, table);
}

std::size_t limbs_of(const Context& context, const Plaintext& fields) {
  return fields.level + 1 + (fields.extended ? context.special() : 0);
}

}  // namespace

double largest(std::span<const double> values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

double largest(std::span<const std::complex<double>> values) {
  double most = 0;
  for (const auto& v : values) most = std::max(most, std::abs(v));
  return most;
}

void require(const Context& context, const Plaintext& p, const char* verb) {
  require_same(context, p.params, verb, "the plaintext");
  const auto refuse = [&](const std::string& problem) {
    contradicts(verb, "the plaintext", problem);
  };
  if (p.level < 0 || p.level > context.levels())
    refuse(fmt::format("level {} of {}", p.level, context.levels()));
  if (!std::has_single_bit(p.slots) || p.slots > context.slots())
    refuse(fmt::format("{} slots of {}", p.slots, context.slots()));
  if (!(p.scale > 0) || !std::isfinite(p.scale)) refuse(fmt::format("scale {}", p.scale));
  for (const double bound : {p.bound, p.noise})
    if (!(bound >= 0) || !std::isfinite(bound)) refuse(fmt::format("a bound of {}", bound));
  const std::size_t limbs = limbs_of(context, p);
  if (!p.poly.is(limbs, context.n()))
    refuse(fmt::format("{} limbs of {} instead of {} of {}", p.poly.limbs(), p.poly.n(), limbs,
                       context.n()));
}

Encoder::~Encoder() { wipe(); }

void Encoder::wipe() {
  for (std::vector<double>* secret : {&values_, &residues_, &work_}) {
    secret->resize(secret->capacity());  // behind a short message the end of a longer one
    sodium_memzero(secret->data(), secret->size() * sizeof(double));
  }
  limbs_.wipe();
}

// Room for as many slots, in all that transforms exchange; growing moves the vectors, and would
// leave a message behind. It forgets everything: called first.
void Encoder::take(std::size_t slots) {
  const std::size_t room = 2 * slots;
  if (room > std::min({values_.capacity(), residues_.capacity(), work_.capacity()})) {
    wipe();
    for (std::vector<double>* secret : {&values_, &residues_, &work_}) secret->reserve(room);
  }
  values_.assign(room, 0);
}

void Encoder::check_slot(std::size_t i, double bound) const {
  const double re = values_[i], im = values_[values_.size() / 2 + i];
  const double size = im == 0 ? std::abs(re) : std::hypot(re, im);
  if (!std::isfinite(size))
    throw Error(ErrorKind::invalid, "ckks encode",
                fmt::format("slot {} holds {} + {}i", i, re, im));
  if (size > bound)
    throw Error(
        ErrorKind::invalid, "ckks encode",
        fmt::format("|{} + {}i| in slot {} exceeds the declared bound {}", re, im, i, bound),
        "declare a larger bound or scale the values");
}

void Encoder::check(Plaintext& out, const EncodingOptions& options) {
  out.level = context_.top(options.level, "ckks encode");
  const auto refuse = [](const std::string& problem) {
    throw Error(ErrorKind::usage, "ckks encode", problem);
  };
  const std::size_t count = values_.size() / 2;
  if (!std::has_single_bit(count) || count > context_.slots())
    refuse(fmt::format("{} values are not a power of two up to the {} slots", count,
                       context_.slots()));
  out.extended = options.extended;
  out.scale = options.scale == 0 ? context_.scale(out.level) : options.scale;
  out.bound = options.bound.value_or(context_.params().magnitude);
  out.slots = count;
  out.params = context_.hash();
  if (!std::isfinite(out.scale) || out.scale < 1)
    refuse(fmt::format("scale {} is not a number of at least 1", out.scale));
  if (!std::isfinite(out.bound) || out.bound < 0)
    refuse(fmt::format("declared bound {} is not a number of at least 0", out.bound));
  const double* re = values_.data();
  const double* im = re + count;
  // Well inside by its square, which may overflow, or looked at by itself.
  const double inside = std::min(out.bound * out.bound * (1 - 0x1p-48), 0x1p1000);
  for (std::size_t i = 0; i < count; ++i)
    if (!(re[i] * re[i] + im[i] * im[i] <= inside)) check_slot(i, out.bound);
  const double bits = std::log2(out.bound) + std::log2(out.scale);
  // the transform is in double, whatever the modulus holds
  if (bits > std::min(context_.log_q(out.level) - 2, 1000.0))
    throw Error(
        ErrorKind::invalid, "ckks encode",
        fmt::format("values up to {} at scale 2^{:.2f} overflow the {:.1f} bits of level {}",
                    out.bound, std::log2(out.scale), context_.log_q(out.level), out.level),
        "encode at a higher level or a smaller scale");
}

// Rounds the coefficients. The error is that of the transform, and of the rounding: measured in the
// slots, or that of independent random ones.
void Encoder::to_integers(Plaintext& out, RandomStream* dither) {
  const double transform = context_.embedding().error(out.slots);
  out.noise = out.bound * out.scale * transform;
  if (dither == nullptr) {
    residues_.resize(values_.size());
    if (small(out)) {
      for (std::size_t k = 0; k < values_.size(); ++k) {
        const double exact = values_[k];
        values_[k] = (exact + kNearest) - kNearest;
        residues_[k] = exact - values_[k];
      }
    } else {
      for (std::size_t k = 0; k < values_.size(); ++k) {
        const double exact = values_[k];
        values_[k] = std::nearbyint(exact);
        residues_[k] = exact - values_[k];
      }
    }
    out.deviation = 0;
    if (claim_ == RoundingClaim::largest) {
      out.noise += static_cast<double>(out.slots);  // 2 slots coefficients, each off by up to 1/2
      return;
    }
    context_.embedding().to_slots(residues_, work_);
    out.noise += largest_of(residues_) * (1 + transform);
    return;
  }
  for (double& c : values_) {
    const double below = std::floor(c);
    const double uniform = std::ldexp(dither->bits() >> 11, -53);
    c = uniform < c - below ? below + 1 : below;
  }
  // Each is up to 1/2 in deviation. Sparse slots repeat, and with them their errors: the deviation
  // is that of as many independent coefficients as there could be, which covers their sums too.
  out.deviation = context_.deviation_of(0.5);
  out.source = dither->bits();
  out.noise += 6 * std::sqrt(2 * static_cast<double>(out.slots) / 4);
}

// Rounded coefficients to transformed limbs.
void Encoder::expand(Plaintext& out) const {
  out.poly.resize(limbs_of(context_, out), context_.n());
  for (std::size_t i = 0; i < out.poly.limbs(); ++i)
    expand_limb(context_, values_, small(out), context_.extended(out.level, i), out.poly.limb(i));
}

void expand(const Context& context, const Rounded& rounded, std::size_t i, u64* limb) {
  expand_limb(context, rounded.coefficients, small(rounded.fields),
              context.extended(rounded.fields.level, i), limb);
}

void expand(const Context& context, const Rounded& rounded, Plaintext& out) {
  const Plaintext& of = rounded.fields;
  out.level = of.level;
  out.extended = of.extended;
  out.scale = of.scale;
  out.slots = of.slots;
  out.bound = of.bound;
  out.noise = of.noise;
  out.deviation = of.deviation;
  out.source = of.source;
  out.params = of.params;
  out.poly.resize(limbs_of(context, of), context.n());
  for (std::size_t i = 0; i < out.poly.limbs(); ++i) expand(context, rounded, i, out.poly.limb(i));
}

void Encoder::fill(Plaintext& out, const EncodingOptions& options) {
  check(out, options);
  context_.embedding().to_coefficients(values_, work_, out.scale);
  to_integers(out, options.dither);
  expand(out);
}

void Encoder::take(std::span<const std::complex<double>> values) {
  take(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values_[i] = values[i].real();
    values_[values.size() + i] = values[i].imag();
  }
}

void Encoder::encode(std::span<const std::complex<double>> values, const EncodingOptions& options,
                     Plaintext& out) {
  take(values);
  fill(out, options);
}

void Encoder::round(std::span<const std::complex<double>> values, const EncodingOptions& options,
                    Rounded& out) {
  // A claim is of any values: they need not repeat.
  if (claim_ == RoundingClaim::measured) values = values.first(period(values));
  take(values);
  check(out.fields, options);
  context_.embedding().to_coefficients(values_, work_, out.fields.scale);
  to_integers(out.fields, nullptr);
  out.coefficients.assign(values_.begin(), values_.end());
}

void Encoder::encode(std::span<const double> values, const EncodingOptions& options,
                     Plaintext& out) {
  take(values.size());
  std::copy(values.begin(), values.end(), values_.begin());
  fill(out, options);
}

Plaintext Encoder::encode(std::span<const std::complex<double>> values,
                          const EncodingOptions& options) {
  Plaintext out;
  encode(values, options, out);
  return out;
}

Plaintext Encoder::encode(std::span<const double> values, const EncodingOptions& options) {
  Plaintext out;
  encode(values, options, out);
  return out;
}

// The coefficients that carry slots, as doubles, from just enough primes.
void Encoder::recompose(const Plaintext& plaintext) {
  const std::size_t n = context_.n(), gap = n / (2 * plaintext.slots);
  const double bits = std::log2(plaintext.bound * plaintext.scale + plaintext.noise + 1) + 2;
  std::size_t used = 1;
  while (used < static_cast<std::size_t>(plaintext.level) + 1 &&
         context_.log_q(static_cast<int>(used) - 1) < bits)
    ++used;
  take(plaintext.slots);
  limbs_.resize(used, n);
  for (std::size_t i = 0; i < used; ++i) {
    std::memcpy(limbs_.limb(i), plaintext.poly.limb(i), n * sizeof(u64));
    const NttTable& table = context_.table(i);
    context_.kernels().inverse(limbs_.limb(i), table, factor(table.n_inverse, table.mod));
  }
  if (used > 1) return recompose_wide(plaintext);
  const auto q = static_cast<std::int64_t>(context_.modulus(0).q);
  const u64* limb = limbs_.limb(0);
  for (std::size_t k = 0; k < values_.size(); ++k) {
    const auto x = static_cast<std::int64_t>(limb[k * gap]);
    values_[k] = static_cast<double>(2 * x > q ? x - q : x) / plaintext.scale;
  }
}

// Of limbs_: mixed-radix digits, then Horner from the top.
void Encoder::recompose_wide(const Plaintext& plaintext) {
  const std::size_t gap = context_.n() / values_.size(), used = limbs_.limbs();
  std::vector<u64> digits(used), half(used);
  // Inverses of the product of the primes before i, and the digits of (Q - 1) / 2, which are all
  // (q_i - 1) / 2.
  std::vector<u64> inverses(used);
  for (std::size_t i = 0; i < used; ++i) {
    const Modulus& m = context_.modulus(i);
    u64 product = 1;
    for (std::size_t j = 0; j < i; ++j)
      product = multiply(product, reduce(context_.modulus(j).q, m), m);
    inverses[i] = ckks::inverse(product, m);
    half[i] = (m.q - 1) / 2;
  }
  for (std::size_t k = 0; k < values_.size(); ++k) {
    for (std::size_t i = 0; i < used; ++i) {
      const Modulus& m = context_.modulus(i);
      u64 before = 0;  // the digits so far, modulo q_i
      for (std::size_t j = i; j-- > 0;)
        before = reduce(static_cast<u128>(before) * context_.modulus(j).q + digits[j], m);
      digits[i] = multiply(ckks::subtract(limbs_.limb(i)[k * gap], before, m.q), inverses[i], m);
    }
    const bool negative =
        std::lexicographical_compare(half.rbegin(), half.rend(), digits.rbegin(), digits.rend());
    if (negative)  // Q - 1 - x has the complementary digits
      for (std::size_t i = 0; i < used; ++i) digits[i] = context_.modulus(i).q - 1 - digits[i];
    long double value = 0;
    for (std::size_t i = used; i-- > 0;) value = value * context_.modulus(i).q + digits[i];
    values_[k] = static_cast<double>((negative ? -(value + 1) : value) /
                                     static_cast<long double>(plaintext.scale));
  }
}

void Encoder::to_slots(const Plaintext& plaintext) {
  require(context_, plaintext, "decode");
  recompose(plaintext);
  context_.embedding().to_slots(values_, work_);
}

std::vector<std::complex<double>> Encoder::decode(const Plaintext& plaintext) {
  to_slots(plaintext);
  std::vector<std::complex<double>> slots(plaintext.slots);
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = {values_[i], values_[slots.size() + i]};
  return slots;
}

std::vector<double> Encoder::decode_real(const Plaintext& plaintext) {
  to_slots(plaintext);
  return {values_.data(), values_.data() + plaintext.slots};
}

}  // namespace pliant::ckks
