#include "machine/encrypted/ckks/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/ring/ntt.h"

namespace pliant::ckks {

namespace {

std::string place(const char* verb) { return fmt::format("ckks {}", verb); }

// A number in units of 1 / scale, as a whole one: it stands in every transformed value.
double rounded(const char* verb, double number, double scale) {
  const double constant = std::nearbyint(number * scale);
  if (!(std::abs(constant) < 0x1p120))
    throw Error(ErrorKind::invalid, place(verb),
                fmt::format("the constant {} at scale 2^{:.1f}", number, std::log2(scale)),
                "take a smaller one");
  return constant;
}
double off(double number, double scale, double constant) {
  return std::abs(std::fma(number, scale, -constant));
}

void header(const Ciphertext& a, Ciphertext& out) {  // all but parts, noise, magnitude
  out.random.assign(a.random);
  out.size = a.size;
  out.level = a.level;
  out.scale = a.scale;
  out.slots = a.slots;
  out.params = a.params;
  out.seed.reset();
}

}  // namespace

Evaluator::Evaluator(const Context& context, ThreadPool* pool)
    : context_(context), stages_(context, pool) {
  context.use("evaluator");
}

void Evaluator::same_level(const char* verb, int a, int b) {
  if (a != b)
    throw Error(ErrorKind::invalid, place(verb), fmt::format("levels {} and {} differ", a, b),
                "drop or adjust the higher one");
}

void Evaluator::same_scale(const char* verb, double a, double b) {
  if (a != b)
    throw Error(ErrorKind::invalid, place(verb),
                fmt::format("scales 2^{:.6f} and 2^{:.6f} differ", std::log2(a), std::log2(b)),
                "rescale or adjust one of them");
}

void Evaluator::require(const Ciphertext& a, const char* verb) const {
  ckks::require(context_, a, verb);
}

void Evaluator::require_two(const Ciphertext& a, const char* verb) const {
  require(a, verb);
  if (a.size != 2)
    throw Error(ErrorKind::invalid, place(verb),
                fmt::format("a ciphertext of {} parts instead of 2", a.size),
                "relinearize it first");
}

void Evaluator::require_fits(const char* verb, int level, double scale, double magnitude,
                             double noise) const {
  const double bits = std::log2(magnitude * scale + noise);
  if (!(bits <= context_.log_q(level) - 1))  // also where it is no number
    throw Error(
        ErrorKind::capacity, place(verb),
        fmt::format(
            "exhausted level: a message of up to 2^{:.1f} does not fit the {:.1f} bits of level {}",
            bits, context_.log_q(level), level),
        "start at a higher level, rescale earlier or declare a smaller magnitude");
}

const std::vector<std::uint32_t>& Evaluator::permutation(std::uint32_t galois) {
  if (galois % 2 == 0 || galois >= 2 * context_.n())
    throw Error(ErrorKind::usage, "ckks automorphism",
                fmt::format("{} is not an odd number below {}", galois, 2 * context_.n()));
  std::vector<std::uint32_t>& index = permutations_[galois];
  if (index.empty()) index = automorphism_index(galois, context_.params().log_n);
  return index;
}

void Evaluator::combine(const Ciphertext& a, const Ciphertext& b, bool minus, Ciphertext& out) {
  const char* verb = minus ? "subtract" : "add";
  require(a, verb);
  require(b, verb);
  same_level(verb, a.level, b.level);
  same_scale(verb, a.scale, b.scale);
  const double noise = a.noise + b.noise, magnitude = a.magnitude + b.magnitude;
  require_fits(verb, a.level, a.scale, magnitude, noise);
  random_.assign(b.random);  // out may be b
  const int size_a = a.size, size_b = b.size, size = std::max(size_a, size_b);
  const std::size_t slots = std::max(a.slots, b.slots), limbs = a.level + 1, n = context_.n();
  for (int part = 0; part < size; ++part) {
    const std::size_t p = part;
    out.part[p].resize(limbs, n);
    stages_.each(limbs, [&](std::size_t i) {
      const Modulus& m = context_.modulus(i);
      u64* to = out.part[p].limb(i);
      if (part >= size_b) std::memmove(to, a.part[p].limb(i), n * sizeof(u64));
      else if (part < size_a && minus)
        context_.kernels().subtract(to, a.part[p].limb(i), b.part[p].limb(i), n, m);
      else if (part < size_a)
        context_.kernels().add(to, a.part[p].limb(i), b.part[p].limb(i), n, m);
      else if (minus) context_.kernels().scale(to, b.part[p].limb(i), factor(m.q - 1, m), n, m);
      else std::memmove(to, b.part[p].limb(i), n * sizeof(u64));
    });
  }
  header(a, out);
  out.random.add(random_);
  out.size = size;
  out.slots = slots;
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::add(const Ciphertext& a, const Ciphertext& b, Ciphertext& out) {
  combine(a, b, false, out);
}
void Evaluator::subtract(const Ciphertext& a, const Ciphertext& b, Ciphertext& out) {
  combine(a, b, true, out);
}

void Evaluator::negate(const Ciphertext& a, Ciphertext& out) {
  require(a, "negate");
  out.assign(a);
  out.seed.reset();
  for (int part = 0; part < out.size; ++part)
    stages_.each(out.level + 1, [&](std::size_t i) {
      const Modulus& m = context_.modulus(i);
      u64* limb = out.part[part].limb(i);
      context_.kernels().scale(limb, limb, factor(m.q - 1, m), context_.n(), m);
    });
}

void Evaluator::add(const Ciphertext& a, const Plaintext& b, Ciphertext& out) {
  require(a, "add");
  ckks::require(context_, b, "add");
  same_level("add", a.level, b.level);
  same_scale("add", a.scale, b.scale);
  require_fits("add", a.level, a.scale, a.magnitude + b.bound, a.noise + b.noise);
  out.assign(a);
  out.seed.reset();
  stages_.each(out.level + 1, [&](std::size_t i) {
    u64* limb = out.part[0].limb(i);
    context_.kernels().add(limb, limb, b.poly.limb(i), context_.n(), context_.modulus(i));
  });
  out.slots = std::max(a.slots, b.slots);
  out.noise += b.noise;
  out.random.add_bias(b.noise);
  out.magnitude += b.bound;
}

void Evaluator::multiply(const Ciphertext& a, const Plaintext& b, Ciphertext& out) {
  require(a, "multiply");
  ckks::require(context_, b, "multiply");
  same_level("multiply", a.level, b.level);
  const std::size_t limbs = a.level + 1, n = context_.n();
  const double factor = b.bound * b.scale + b.noise, bias = a.magnitude * a.scale * b.noise;
  const double noise = a.noise * factor + bias;
  const double magnitude = a.magnitude * b.bound, scale = a.scale * b.scale;
  require_fits("multiply", a.level, scale, magnitude, noise);
  const std::size_t slots = std::max(a.slots, b.slots);
  for (int part = 0; part < a.size; ++part) {
    const std::size_t p = part;
    if (&out != &a) out.part[p].resize(limbs, n);
    stages_.each(limbs, [&](std::size_t i) {
      context_.kernels().multiply(out.part[p].limb(i), a.part[p].limb(i), b.poly.limb(i), n,
                                  context_.modulus(i));
    });
  }
  header(a, out);
  out.random.scale(factor);
  out.random.add_bias(bias);
  out.slots = slots;
  out.scale = scale;
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::multiply_add(const Ciphertext& a, const Plaintext& b, Ciphertext& sum) {
  const char* verb = "multiply";
  require(a, verb);
  require(sum, verb);
  ckks::require(context_, b, verb);
  same_level(verb, a.level, b.level);
  same_level(verb, a.level, sum.level);
  same_scale(verb, a.scale * b.scale, sum.scale);
  if (a.size != sum.size)
    throw Error(ErrorKind::invalid, place(verb),
                fmt::format("a product of {} parts for a sum of {}", a.size, sum.size),
                "relinearize the longer one first");
  const double factor = b.bound * b.scale + b.noise, bias = a.magnitude * a.scale * b.noise;
  const double noise = sum.noise + a.noise * factor + bias;
  const double magnitude = sum.magnitude + a.magnitude * b.bound;
  require_fits(verb, a.level, sum.scale, magnitude, noise);
  random_.assign(a.random);  // sum may be a
  for (int part = 0; part < a.size; ++part)
    stages_.each(a.level + 1, [&](std::size_t i) {
      context_.kernels().multiply_add(sum.part[part].limb(i), a.part[part].limb(i), b.poly.limb(i),
                                      context_.n(), context_.modulus(i));
    });
  random_.scale(factor);
  random_.add_bias(bias);
  sum.random.add(random_);
  sum.seed.reset();
  sum.slots = std::max({sum.slots, a.slots, b.slots});
  sum.noise = noise;
  sum.magnitude = magnitude;
}

void Evaluator::multiply(const Ciphertext& a, double by, Ciphertext& out) {
  require(a, "multiply");
  const double unit = context_.scale(a.level);
  const double constant = rounded("multiply", by, unit);
  const double size = std::abs(constant), bias = a.magnitude * a.scale * off(by, unit, constant);
  const double noise = a.noise * size + bias, magnitude = a.magnitude * std::abs(by);
  require_fits("multiply", a.level, a.scale * unit, magnitude, noise);
  out.assign(a);
  out.seed.reset();
  times_constant(out, constant);
  out.scale *= unit;
  out.noise = noise;
  out.random.scale(size);
  out.random.add_bias(bias);
  out.magnitude = magnitude;
}

void Evaluator::add(const Ciphertext& a, double plus, Ciphertext& out) {
  require(a, "add");
  const double constant = rounded("add", plus, a.scale), bias = off(plus, a.scale, constant);
  const double magnitude = a.magnitude + std::abs(plus);
  require_fits("add", a.level, a.scale, magnitude, a.noise + bias);
  out.assign(a);
  out.seed.reset();
  stages_.each(out.level + 1, [&](std::size_t i) {
    const Modulus& m = context_.modulus(i);
    const u64 image = residue(static_cast<i128>(constant), m);
    u64* limb = out.part[0].limb(i);
    for (std::size_t k = 0; k < context_.n(); ++k) limb[k] = ckks::add(limb[k], image, m.q);
  });
  out.noise += bias;
  out.random.add_bias(bias);
  out.magnitude = magnitude;
}

void Evaluator::times_constant(Ciphertext& a, double constant) {
  for (int part = 0; part < a.size; ++part)
    stages_.each(a.level + 1, [&](std::size_t i) {
      const Modulus& m = context_.modulus(i);
      u64* limb = a.part[part].limb(i);
      context_.kernels().scale(limb, limb, factor(residue(static_cast<i128>(constant), m), m),
                               context_.n(), m);
    });
}

void Evaluator::multiply(const Ciphertext& a, const Ciphertext& b, Ciphertext& out) {
  require_two(a, "multiply");
  require_two(b, "multiply");
  same_level("multiply", a.level, b.level);
  const std::size_t limbs = a.level + 1, n = context_.n();
  const double of_a = b.magnitude * b.scale, of_b = a.magnitude * a.scale;
  const double noise = of_b * b.noise + of_a * a.noise + a.noise * b.noise;
  const double square = a.likely_noise() * b.likely_noise();
  const double magnitude = a.magnitude * b.magnitude, scale = a.scale * b.scale;
  require_fits("multiply", a.level, scale, magnitude, noise);
  random_.assign(b.random);  // out may be b
  random_.scale(of_b);
  const std::size_t slots = std::max(a.slots, b.slots);
  for (Poly& part : out.part) part.resize(limbs, n);  // an operand's have this size already
  temporary_.resize(limbs, n);
  stages_.each(limbs, [&](std::size_t i) {
    // The middle part a0 b1 + a1 b0 first, beside the operands: out may be one of them.
    const Modulus& m = context_.modulus(i);
    const Kernels& kernels = context_.kernels();
    const u64 *a0 = a.part[0].limb(i), *a1 = a.part[1].limb(i), *b0 = b.part[0].limb(i),
              *b1 = b.part[1].limb(i);
    const u64* const left[] = {a0, a1};
    const u64* const right[] = {b1, b0};
    kernels.inner(temporary_.limb(i), left, right, 2, n, m);
    kernels.multiply(out.part[0].limb(i), a0, b0, n, m);
    kernels.multiply(out.part[2].limb(i), a1, b1, n, m);
    std::memcpy(out.part[1].limb(i), temporary_.limb(i), n * sizeof(u64));
  });
  header(a, out);
  out.random.scale(of_a);
  out.random.add(random_);
  out.random.add_bias(square);
  out.size = 3;
  out.slots = slots;
  out.scale = scale;
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::relinearize(const Ciphertext& a, const KeySet& keys, Ciphertext& out) {
  require(a, "relinearize");
  if (a.size == 2) {
    out.assign(a);
    return;
  }
  const SwitchKey& key = keys.find(context_, 0, a.level);
  const u64 source = context_.source_of(Event::switching, a.part[2]);
  stages_.switch_key(a.part[2], a.level, key, nullptr, {&a.part[0], &a.part[1]}, sum_);
  stages_.mod_down(sum_, a.level, {&out.part[0], &out.part[1]});
  const double noise =
      a.noise + context_.switch_noise(a.level) / context_.p_size() + context_.division_noise();
  const double magnitude = a.magnitude;
  header(a, out);
  out.random.add_source(source,
                        std::hypot(switch_deviation(a.level), context_.division_deviation()));
  out.size = 2;
  out.noise = noise;
  out.magnitude = magnitude;
}

double Evaluator::switch_deviation(int level) const {
  return context_.switch_deviation(level) / context_.p_size();
}

double Evaluator::rescaled(double scale, int level, double magnitude, double& moved) const {
  if (level == 0)
    throw Error(ErrorKind::capacity, "ckks rescale",
                "exhausted level: level 0 has no prime to drop", "start at a higher level");
  const double exact = scale / context_.q(level).mod.q;
  if (exact < 1024)
    throw Error(ErrorKind::invalid, "ckks rescale",
                fmt::format("scale 2^{:.1f} divided by the {:.1f}-bit prime of level {} leaves "
                            "nothing of the message",
                            std::log2(scale), std::log2(context_.q(level).mod.q), level),
                "rescale after a product only");
  const double listed = context_.scale(level - 1);
  if (std::abs(exact / listed - 1) > 0x1p-40) return exact;
  moved = std::abs(exact - listed) * magnitude;
  return listed;
}

// The random error after a division by `by` and the new noise of it.
void Evaluator::divided(ErrorModel& random, u64 source, double by, double deviation,
                        double moved) const {
  random.scale(1 / by);
  random.add_source(source, deviation);
  random.add_bias(moved);
}

void Evaluator::relinearize_rescale(const Ciphertext& a, const KeySet& keys, Ciphertext& out) {
  require(a, "relinearize");
  if (a.size == 2) return rescale(a, out);
  double moved = 0;
  const double scale = rescaled(a.scale, a.level, a.magnitude, moved), magnitude = a.magnitude;
  const double by = context_.q(a.level).mod.q;
  const double noise = (a.noise + context_.switch_noise(a.level) / context_.p_size()) / by +
                       context_.division_noise() + moved;
  const u64 source = context_.source_of(Event::switching, a.part[2]);
  const SwitchKey& key = keys.find(context_, 0, a.level);
  const int level = a.level;
  stages_.switch_key(a.part[2], level, key, nullptr, {&a.part[0], &a.part[1]}, sum_);
  stages_.mod_down_rescale(sum_, level, {&out.part[0], &out.part[1]});
  header(a, out);
  divided(out.random, source, by,
          std::hypot(switch_deviation(level) / by, context_.division_deviation()), moved);
  out.size = 2;
  out.level = level - 1;
  out.scale = scale;
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::rescale(const Ciphertext& a, Ciphertext& out) {
  require(a, "rescale");
  double moved = 0;
  const double scale = rescaled(a.scale, a.level, a.magnitude, moved), magnitude = a.magnitude;
  const double by = context_.q(a.level).mod.q;
  const double noise = a.noise / by + context_.division_noise(a.size) + moved;
  const u64 source = context_.source_of(Event::division, a.part[a.size - 1]);
  const int level = a.level;
  for (std::size_t part = 0; part < static_cast<std::size_t>(a.size); ++part) {
    if (&out != &a) out.part[part].assign(a.part[part]);
    stages_.rescale(out.part[part], level, out.part[part]);
  }
  header(a, out);
  divided(out.random, source, by, context_.division_deviation(out.size), moved);
  out.level = level - 1;
  out.scale = scale;
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::drop_level(const Ciphertext& a, int level, Ciphertext& out) {
  require(a, "drop_level");
  if (level > a.level || level < 0)
    throw Error(ErrorKind::invalid, "ckks drop_level",
                fmt::format("from level {} to {}", a.level, level));
  require_fits("drop_level", level, a.scale, a.magnitude, a.noise);
  out.assign(a);
  out.seed.reset();
  for (int part = 0; part < out.size; ++part) out.part[part].resize(level + 1, context_.n());
  out.level = level;
}

void Evaluator::adjust(const Ciphertext& a, int level, Ciphertext& out) {
  require(a, "adjust");
  const double target = context_.scale(level < 0 || level > context_.levels() ? 0 : level);
  if (level == a.level && a.scale == target) {
    out.assign(a);
    return;
  }
  if (level >= a.level || level < 0)
    throw Error(ErrorKind::invalid, "ckks adjust",
                fmt::format("from level {} to {} without a level to spend", a.level, level));
  // A constant: the same in every transformed value. Rounding it moves the scale by less than one
  // part in 2^scale_bits.
  const double scale = target * context_.q(level + 1).mod.q, wanted = scale / a.scale;
  const double constant = std::nearbyint(wanted);
  if (constant < 1024 || constant > 0x1p62)
    throw Error(ErrorKind::invalid, "ckks adjust",
                fmt::format("scale 2^{:.1f} cannot meet 2^{:.1f} at level {} by one product",
                            std::log2(a.scale), std::log2(target), level));
  const double bias = a.magnitude * a.scale * std::abs(constant - wanted);
  const double noise = a.noise * constant + bias;
  require_fits("adjust", level + 1, scale, a.magnitude, noise);
  drop_level(a, level + 1, out);
  times_constant(out, constant);
  out.noise = noise;
  out.random.scale(constant);
  out.random.add_bias(bias);
  out.scale = scale;
  rescale(out, out);
}

void Evaluator::raise(const Ciphertext& a, Raised& out) {
  require_two(a, "rotate");
  stages_.mod_up(a.part[1], a.level, out);
}

// out = permutation of (part 0 + k0, k1), k part 1 switched by the key; `raised` are its digits, if
// there are any.
void Evaluator::switched(const Ciphertext& a, const Raised* raised, std::uint32_t galois, int steps,
                         const KeySet& keys, Ciphertext& out) {
  const SwitchKey& key = keys.find(context_, galois, a.level);
  const u64 source = context_.source_of(Event::switching, a.part[1]);
  const std::uint32_t* const index = permutation(galois).data();
  if (raised != nullptr) stages_.inner(*raised, key, index, {&a.part[0], nullptr}, sum_);
  else stages_.switch_key(a.part[1], a.level, key, index, {&a.part[0], nullptr}, sum_);
  stages_.mod_down(sum_, a.level, {&out.part[0], &out.part[1]});
  const double noise =
      a.noise + context_.switch_noise(a.level) / context_.p_size() + context_.division_noise();
  const double magnitude = a.magnitude;
  header(a, out);
  out.random.rotate(steps, context_.slots());
  out.random.add_source(source,
                        std::hypot(switch_deviation(a.level), context_.division_deviation()));
  out.noise = noise;
  out.magnitude = magnitude;
}

void Evaluator::rotate_raised(const Ciphertext& a, const Raised& raised, int steps,
                              const KeySet& keys, Ciphertext& out) {
  require_two(a, "rotate");
  stages_.require_raised(raised, a.part[1], a.level);
  const std::uint32_t galois = context_.galois(steps);
  if (galois == 1) {
    out.assign(a);
    return;
  }
  switched(a, &raised, galois, steps, keys, out);
}

void Evaluator::rotate(const Ciphertext& a, int steps, const KeySet& keys, Ciphertext& out) {
  require_two(a, "rotate");
  const std::uint32_t galois = context_.galois(steps);
  if (galois == 1) {
    out.assign(a);
    return;
  }
  switched(a, nullptr, galois, steps, keys, out);
}

void Evaluator::conjugate(const Ciphertext& a, const KeySet& keys, Ciphertext& out) {
  require_two(a, "conjugate");
  switched(a, nullptr, context_.conjugation(), 0, keys, out);
}

}  // namespace pliant::ckks
