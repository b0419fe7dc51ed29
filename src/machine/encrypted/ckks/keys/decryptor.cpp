#include "machine/encrypted/ckks/keys/decryptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace pliant::ckks {

namespace {

[[noreturn]] void differs(const std::string& problem) {
  throw Error(ErrorKind::invalid, "ckks decrypt", problem,
              "do not use the result: it does not come from this plan");
}

// A bound of the plan, which the ciphertext may not exceed; not a number exceeds everything.
void at_most(const char* what, double claimed, double expected) {
  if (!(claimed <= expected))
    differs(fmt::format("the ciphertext claims a {} of {}, the plan at most {}", what, claimed,
                        expected));
}

void require_plan(const Ciphertext& c, const Expected& plan) {
  if (c.level != plan.level)
    differs(
        fmt::format("the ciphertext is of level {}, the plan's result of {}", c.level, plan.level));
  if (c.scale != plan.scale)
    differs(fmt::format("the ciphertext has scale 2^{:.6f}, the plan's result 2^{:.6f}",
                        std::log2(c.scale), std::log2(plan.scale)));
  if (c.slots != plan.slots)
    differs(fmt::format("the ciphertext has {} slots, the plan's result {}", c.slots, plan.slots));
  at_most("noise", c.noise, plan.noise);
  at_most("magnitude", c.magnitude, plan.magnitude);
}

double deviation_of(const Flooding& flooding, double hidden) {
  const auto refuse = [](const std::string& problem, const char* next) {
    throw Error(ErrorKind::usage, "ckks decrypt", problem, next);
  };
  if (!(flooding.queries >= 1 && flooding.queries <= 0x1p40))
    refuse(fmt::format("flooding for {} queries", flooding.queries), "take 1 to 2^40");
  if (flooding.security < 1 || flooding.security > 128)
    refuse(fmt::format("flooding with {} bits of security", flooding.security), "take 1 to 128");
  if (!(hidden > 0) || !std::isfinite(hidden))
    refuse(fmt::format("flooding over an expected deviation of {}", hidden),
           "state what the plan says of a coefficient's error");
  return std::sqrt(12 * flooding.queries) * std::exp2(flooding.security / 2.0) * hidden;
}

}  // namespace

// A bias may stand in one coefficient whole.
Expected expected(const Ciphertext& trusted) {
  const std::size_t n = trusted.part[0].n();
  return {trusted.level, trusted.scale,
          trusted.noise, trusted.magnitude,
          trusted.slots, trusted.random.coefficient_deviation(n) + trusted.random.bias()};
}

Decryptor::Decryptor(const Context& context, const SecretKey& key) : context_(context), key_(key) {
  require(context, key, "decrypt");
}

Plaintext Decryptor::decrypt(const Ciphertext& ciphertext) const {
  require(context_, ciphertext, "decrypt");
  require(context_, key_, "decrypt");
  context_.use("decrypt");
  Plaintext out;
  out.level = ciphertext.level;
  out.scale = ciphertext.scale;
  out.slots = ciphertext.slots;
  out.bound = ciphertext.magnitude;
  out.noise = ciphertext.noise;
  out.params = context_.hash();
  out.poly.assign(ciphertext.part[ciphertext.size - 1]);
  const std::size_t n = context_.n();
  for (int part = ciphertext.size - 2; part >= 0; --part)  // Horner in s
    for (std::size_t i = 0; i < out.poly.limbs(); ++i) {
      u64* limb = out.poly.limb(i);
      const u64* next = ciphertext.part[part].limb(i);
      context_.kernels().multiply(limb, limb, key_.poly().limb(i), n, context_.modulus(i));
      context_.kernels().add(limb, limb, next, n, context_.modulus(i));
    }
  return out;
}

Plaintext Decryptor::decrypt(const Ciphertext& ciphertext, const Expected& plan) const {
  require(context_, ciphertext, "decrypt");
  require_plan(ciphertext, plan);
  Plaintext out = decrypt(ciphertext);
  out.noise = plan.noise;
  out.bound = plan.magnitude;
  return out;
}

Plaintext Decryptor::decrypt(const Ciphertext& ciphertext, const Expected& plan,
                             const Flooding& flooding) const {
  RandomStream stream;
  return decrypt(ciphertext, plan, flooding, stream);
}

Plaintext Decryptor::decrypt(const Ciphertext& ciphertext, const Expected& plan,
                             const Flooding& flooding, RandomStream& stream) const {
  require(context_, ciphertext, "decrypt");
  const double deviation =
      deviation_of(flooding, std::max(plan.deviation, expected(ciphertext).deviation));
  const double noise = plan.noise + context_.norm_of(deviation);
  const double bits = std::log2(plan.magnitude * plan.scale / noise);
  const double whole = std::log2(plan.magnitude * plan.scale + noise);
  if (!(bits > 0) || !(whole <= context_.log_q(ciphertext.level) - 1) ||
      !(deviation < NormalSampler::kMost))
    throw Error(
        ErrorKind::capacity, "ckks decrypt",
        fmt::format("flooding for {} queries at {} bits of security adds an error of 2^{:.1f} to "
                    "values up to {}: nothing of them is left",
                    flooding.queries, flooding.security, std::log2(noise / plan.scale),
                    plan.magnitude),
        "plan a larger scale, less noise, fewer queries or less security");
  const NormalSampler sampler(deviation);
  SecretPoly flood(ciphertext.level + 1, context_.n());
  Poly& sum = flood.get();
  for (std::size_t k = 0; k < context_.n(); ++k) {
    const i128 value = sampler.draw(stream);
    for (std::size_t i = 0; i < sum.limbs(); ++i)
      sum.limb(i)[k] = residue(value, context_.modulus(i));
  }
  Plaintext out = decrypt(ciphertext, plan);
  for (std::size_t i = 0; i < sum.limbs(); ++i) {
    context_.kernels().forward(sum.limb(i), context_.table(i));
    context_.kernels().add(out.poly.limb(i), out.poly.limb(i), sum.limb(i), context_.n(),
                           context_.modulus(i));
  }
  out.noise = noise;
  return out;
}

}  // namespace pliant::ckks
