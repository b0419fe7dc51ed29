#include "machine/encrypted/ckks/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"

namespace pliant::ckks {

namespace {

using Sources = std::array<const u64*, 128>;  // more than the primes of any chain
using Targets = std::array<u64*, 128>;

constexpr std::size_t kUnpacked = 256;  // residues of each digit's key that are unpacked at once

ShoupFactor times_n_inverse(const NttTable& table, u64 by) {
  return factor(multiply(table.n_inverse, by, table.mod), table.mod);
}

}  // namespace

SwitchStages::SwitchStages(const Context& context, ThreadPool* pool)
    : context_(context), pool_(pool) {
  const std::size_t chain = context.levels() + 1;
  const std::size_t digits =
      std::max<std::size_t>(2, context.level(context.levels()).digits.size());
  work_.resize(chain, context.n());
  converted_.resize((chain + context.special()) * digits, context.n());
  counts_.resize(digits, context.n());
  dropped_.reserve(context.special() + 1);
}

void SwitchStages::require_limbs(const Poly& in, int level, bool extended, int lowest) const {
  if (level < lowest || level > context_.levels())
    throw Error(ErrorKind::invalid, "ckks key switching",
                fmt::format("level {} is not between {} and {}", level, lowest, context_.levels()));
  const std::size_t limbs = level + 1 + (extended ? context_.special() : 0);
  if (!in.is(limbs, context_.n()))
    throw Error(ErrorKind::invalid, "ckks key switching",
                fmt::format("a polynomial of {} limbs of {} instead of {} of {}", in.limbs(),
                            in.n(), limbs, context_.n()));
}

void SwitchStages::require_digits(const Raised& raised) const {
  require_same(context_, raised.params, "key switching", "the raised polynomial");
  if (raised.level < 0 || raised.level > context_.levels())
    contradicts("key switching", "the raised polynomial", fmt::format("level {}", raised.level));
  const std::size_t digits = context_.level(raised.level).digits.size();
  if (raised.digits.size() < digits)
    contradicts("key switching", "the raised polynomial",
                fmt::format("{} digits instead of {}", raised.digits.size(), digits));
  for (std::size_t d = 0; d < digits; ++d) require_limbs(raised.digits[d], raised.level, true, 0);
}

void SwitchStages::require_raised(const Raised& raised, const Poly& in, int level) const {
  require_digits(raised);
  if (raised.level != level)
    throw Error(ErrorKind::invalid, "ckks rotate",
                fmt::format("raised at level {}, rotated at level {}", raised.level, level));
  require_limbs(in, level, false, 0);
  const std::vector<Digit>& digits = context_.level(level).digits;
  for (std::size_t d = 0; d < digits.size(); ++d)
    for (std::size_t i = digits[d].first; i < digits[d].first + digits[d].count; ++i)
      if (std::memcmp(raised.digits[d].limb(i), in.limb(i), 8 * sizeof(u64)) != 0)
        throw Error(ErrorKind::invalid, "ckks rotate", "raised from another ciphertext",
                    "raise this one");
}

// The digits' coefficients, times what their conversion wants, in work_.
void SwitchStages::to_coefficients(const Poly& in, int level) {
  const std::vector<Digit>& digits = context_.level(level).digits;
  each(level + 1, [&](std::size_t i) {
    const NttTable& table = context_.table(i);
    const Digit& digit = digits[i / digits[0].count];
    std::memcpy(work_.limb(i), in.limb(i), context_.n() * sizeof(u64));
    context_.kernels().inverse(work_.limb(i), table,
                               times_n_inverse(table, digit.up.prepare(i - digit.first)));
  });
}

// Coefficients of all digits modulo the other primes, at place(digit, limb). In blocks, so that a
// block of all sources stays in the cache while every target reads it.
template <typename Place>
void SwitchStages::convert_digits(int level, const Place& place) {
  const std::vector<Digit>& digits = context_.level(level).digits;
  const Kernels& kernels = context_.kernels();
  const std::size_t size = block(), blocks = context_.n() / size;
  each(digits.size() * blocks, [&](std::size_t task) {
    const std::size_t d = task / blocks, at = task % blocks * size;
    const Digit& digit = digits[d];
    Sources sources;
    for (std::size_t i = 0; i < digit.count; ++i) sources[i] = work_.limb(digit.first + i) + at;
    u64* const count = counts_.limb(d) + at;
    digit.up.count(kernels, sources.data(), count, size);
    sources[digit.count] = count;
    Targets targets;
    for (std::size_t j = 0; j < digit.up.to(); ++j)
      targets[j] = place(d, j < digit.first ? j : j + digit.count) + at;
    digit.up.convert(kernels, sources.data(), targets.data(), size);
  });
}

void SwitchStages::mod_up(const Poly& in, int level, Raised& out) {
  require_limbs(in, level, false, 0);
  const std::size_t n = context_.n(), limbs = level + 1 + context_.special();
  const std::vector<Digit>& digits = context_.level(level).digits;
  out.level = level;
  out.params = context_.hash();
  if (out.digits.size() < digits.size()) out.digits.resize(digits.size());
  for (std::size_t d = 0; d < digits.size(); ++d) out.digits[d].resize(limbs, n);
  to_coefficients(in, level);
  convert_digits(level, [&](std::size_t d, std::size_t limb) { return out.digits[d].limb(limb); });
  each(digits.size() * limbs, [&](std::size_t task) {
    const Digit& digit = digits[task / limbs];
    const std::size_t limb = task % limbs;
    u64* const values = out.digits[task / limbs].limb(limb);
    if (limb >= digit.first && limb < digit.first + digit.count)
      std::memcpy(values, in.limb(limb), n * sizeof(u64));
    else context_.kernels().forward(values, context_.extended(level, limb));
  });
}

// use(limb, digits) for every limb of the raised digits of `in`, which are gone afterwards. Limbs
// of one prime are transformed one after the other, so that its table is at hand.
template <typename Use>
void SwitchStages::each_raised(const Poly& in, int level, const Use& use) {
  const std::vector<Digit>& digits = context_.level(level).digits;
  const std::size_t limbs = level + 1 + context_.special();
  converted_.resize(limbs * digits.size(), context_.n());
  const auto place = [&](std::size_t d, std::size_t limb) {
    return converted_.limb(limb * digits.size() + d);
  };
  to_coefficients(in, level);
  convert_digits(level, place);
  each(limbs, [&](std::size_t limb) {
    Limbs raised;
    for (std::size_t d = 0; d < digits.size(); ++d) {
      const bool own = limb >= digits[d].first && limb < digits[d].first + digits[d].count;
      if (!own) context_.kernels().forward(place(d, limb), context_.extended(level, limb));
      raised[d] = own ? in.limb(limb) : place(d, limb);
    }
    use(limb, raised);
  });
}

void SwitchStages::require_key(int level, const SwitchKey& key) const {
  require(context_, key, "key switching");
  if (key.level < level)
    throw Error(ErrorKind::invalid, "ckks key switching",
                fmt::format("a key of level {} for level {}", key.level, level));
}

// One block of a limb of the sum of digits times half of the key.
void SwitchStages::inner_block(const Limbs& raised, int level, const SwitchKey& key,
                               std::size_t half, std::size_t limb, std::size_t from,
                               u64* out) const {
  const std::size_t own = level + 1;
  const std::size_t digits = context_.level(level).digits.size();
  const std::size_t skipped = key.level + 1 - own;  // the key's limbs of higher levels
  const std::vector<PackedPoly>& keys = half == 0 ? key.b : key.a;
  const std::size_t of = limb < own ? limb : limb + skipped, size = std::min(block(), kUnpacked);
  alignas(64) std::array<u64, kUnpacked * kMostDigits> unpacked;
  Limbs x, k;
  for (std::size_t at = 0; at < block(); at += size) {
    for (std::size_t d = 0; d < digits; ++d) {
      u64* const values = unpacked.data() + d * kUnpacked;
      keys[d].read(context_.kernels(), of, from + at, size, values);
      x[d] = raised[d] + from + at;
      k[d] = values;
    }
    context_.kernels().inner(out + at, x.data(), k.data(), digits, size,
                             context_.extended(level, limb).mod);
  }
}

void SwitchStages::inner_limb(const Limbs& raised, int level, const SwitchKey& key,
                              std::size_t limb, const std::uint32_t* index,
                              std::array<const Poly*, 2> plus, std::array<Poly, 2>& out) const {
  const Kernels& kernels = context_.kernels();
  const Modulus& m = context_.extended(level, limb).mod;
  const std::size_t size = block(), own = level + 1;
  alignas(64) u64 sum[kBlock], added[kBlock];
  for (std::size_t to = 0; to < context_.n(); to += size) {
    const std::size_t from = index == nullptr ? to : index[to] / size * size;
    for (std::size_t half = 0; half < 2; ++half) {
      u64* const to_here = out[half].limb(limb) + to;
      u64* const first = index == nullptr ? to_here : sum;
      inner_block(raised, level, key, half, limb, from, first);
      if (plus[half] != nullptr && limb < own) {
        kernels.scale(added, plus[half]->limb(limb) + from, context_.p_mod(limb), size, m);
        kernels.add(first, first, added, size, m);
      }
      if (index != nullptr)
        kernels.gather(to_here, sum, index + to, static_cast<std::uint32_t>(size - 1), size);
    }
  }
}

void SwitchStages::inner(const Raised& raised, const SwitchKey& key, const std::uint32_t* index,
                         std::array<const Poly*, 2> plus, std::array<Poly, 2>& out) {
  require_digits(raised);
  require_key(raised.level, key);
  for (const Poly* poly : plus)
    if (poly != nullptr) require_limbs(*poly, raised.level, false, 0);
  const std::size_t limbs = raised.level + 1 + context_.special();
  for (Poly& poly : out) poly.resize(limbs, context_.n());
  each(limbs, [&](std::size_t limb) {
    Limbs digits;
    for (std::size_t d = 0; d < context_.level(raised.level).digits.size(); ++d)
      digits[d] = raised.digits[d].limb(limb);
    inner_limb(digits, raised.level, key, limb, index, plus, out);
  });
}

void SwitchStages::switch_key(const Poly& in, int level, const SwitchKey& key,
                              const std::uint32_t* index, std::array<const Poly*, 2> plus,
                              std::array<Poly, 2>& out) {
  require_limbs(in, level, false, 0);
  require_key(level, key);
  for (const Poly* poly : plus)
    if (poly != nullptr) require_limbs(*poly, level, false, 0);
  for (Poly& poly : out) poly.resize(level + 1 + context_.special(), context_.n());
  each_raised(in, level, [&](std::size_t limb, const Limbs& raised) {
    inner_limb(raised, level, key, limb, index, plus, out);
  });
}

const Poly& SwitchStages::second_part(const Sum& from, int level, Poly& work) {
  if (from.undivided == nullptr) return (*from.divided)[1];
  mod_down((*from.undivided)[1], level, work);
  if (from.divided != nullptr)
    each(work.limbs(), [&](std::size_t i) {
      context_.kernels().add(work.limb(i), work.limb(i), (*from.divided)[1].limb(i), context_.n(),
                             context_.modulus(i));
    });
  return work;
}

const Poly& SwitchStages::rotate_sum(const Sum& from, int level, const SwitchKey& key,
                                     const std::uint32_t* index, Poly& work, bool add,
                                     std::array<Poly, 2>& to) {
  if (from.divided != nullptr)
    for (const Poly& poly : *from.divided) require_limbs(poly, level, false, 0);
  if (from.undivided != nullptr) require_limbs((*from.undivided)[0], level, true, 0);
  const Poly& switched = second_part(from, level, work);
  require_limbs(switched, level, false, 0);
  require_key(level, key);
  const std::size_t n = context_.n(), size = block(), own = level + 1;
  const std::size_t limbs = own + context_.special();
  const Kernels& kernels = context_.kernels();
  for (Poly& poly : to)
    if (add) require_limbs(poly, level, true, 0);
    else poly.resize(limbs, n);
  each_raised(switched, level, [&](std::size_t i, const Limbs& raised) {
    const Modulus& m = context_.extended(level, i).mod;
    alignas(64) u64 sum[kBlock], turned[kBlock];
    for (std::size_t at = 0; at < n; at += size) {
      const std::size_t source = index[at] / size * size;
      for (std::size_t half = 0; half < 2; ++half) {
        inner_block(raised, level, key, half, i, source, sum);
        if (half == 0 && from.undivided != nullptr)
          kernels.add(sum, sum, (*from.undivided)[0].limb(i) + source, size, m);
        if (half == 0 && from.divided != nullptr && i < own) {
          kernels.scale(turned, (*from.divided)[0].limb(i) + source, context_.p_mod(i), size, m);
          kernels.add(sum, sum, turned, size, m);
        }
        u64* const here = to[half].limb(i) + at;
        kernels.gather(add ? turned : here, sum, index + at, static_cast<std::uint32_t>(size - 1),
                       size);
        if (add) kernels.add(here, here, turned, size, m);
      }
    }
  });
  return switched;
}

void SwitchStages::add_divided(std::array<Poly, 2>& sum, const std::array<Poly, 2>& plus,
                               int level) {
  for (std::size_t part = 0; part < 2; ++part) {
    require_limbs(sum[part], level, true, 0);
    require_limbs(plus[part], level, false, 0);
  }
  const std::size_t n = context_.n(), size = block();
  each(plus[0].limbs(), [&](std::size_t i) {
    const Modulus& m = context_.modulus(i);
    alignas(64) u64 times[kBlock];
    for (std::size_t part = 0; part < 2; ++part)
      for (std::size_t at = 0; at < n; at += size) {
        u64* const here = sum[part].limb(i) + at;
        context_.kernels().scale(times, plus[part].limb(i) + at, context_.p_mod(i), size, m);
        context_.kernels().add(here, here, times, size, m);
      }
  });
}

// Rounds in / D to `kept` limbs, D the product of the primes of dropped_.
void SwitchStages::divide(std::span<Poly* const> in, std::size_t kept, const Conversion& conversion,
                          const std::vector<ShoupFactor>& factors, std::span<Poly* const> out) {
  const std::size_t n = context_.n(), parts = in.size(), size = block(), blocks = n / size;
  const Kernels& kernels = context_.kernels();
  converted_.resize(parts * kept, n);
  const auto place = [&](std::size_t part, std::size_t limb) {
    return converted_.limb(limb * parts + part);
  };
  each(parts * dropped_.size(), [&](std::size_t task) {
    const auto& [limb, table] = dropped_[task / parts];
    kernels.inverse(in[task % parts]->limb(limb), *table,
                    times_n_inverse(*table, conversion.prepare(task / parts)));
  });
  each(parts * blocks, [&](std::size_t task) {
    const std::size_t part = task / blocks, at = task % blocks * size;
    Sources sources;
    for (std::size_t i = 0; i < dropped_.size(); ++i)
      sources[i] = in[part]->limb(dropped_[i].limb) + at;
    u64* const count = counts_.limb(part) + at;
    conversion.count(kernels, sources.data(), count, size);
    sources[dropped_.size()] = count;
    Targets targets;
    for (std::size_t j = 0; j < kept; ++j) targets[j] = place(part, j) + at;
    conversion.convert(kernels, sources.data(), targets.data(), size);
  });
  for (std::size_t part = 0; part < parts; ++part)
    if (out[part] != in[part]) out[part]->resize(kept, n);
  each(kept * parts, [&](std::size_t task) {
    const std::size_t j = task / parts, part = task % parts;
    kernels.forward(place(part, j), context_.table(j));
    kernels.subtract_scale(out[part]->limb(j), in[part]->limb(j), place(part, j), factors[j], n,
                           context_.modulus(j));
  });
  for (Poly* const poly : out) poly->resize(kept, n);
}

void SwitchStages::drop_special(std::size_t own) {
  dropped_.clear();
  for (std::size_t i = 0; i < context_.special(); ++i)
    dropped_.push_back({own + i, &context_.p(i)});
}

void SwitchStages::require_extended(std::span<Poly* const> in, int level, int lowest) const {
  for (const Poly* const poly : in) require_limbs(*poly, level, true, lowest);
}

void SwitchStages::divide_special(std::span<Poly* const> in, int level,
                                  std::span<Poly* const> out) {
  require_extended(in, level, 0);
  const std::size_t own = level + 1;
  drop_special(own);
  divide(in, own, context_.level(level).down, context_.level(level).down_factor, out);
}

void SwitchStages::divide_rescale(std::span<Poly* const> in, int level,
                                  std::span<Poly* const> out) {
  require_extended(in, level, 1);
  const std::size_t own = level + 1;
  drop_special(own);
  dropped_.push_back({own - 1, &context_.q(level)});
  divide(in, own - 1, context_.level(level).fused, context_.level(level).fused_factor, out);
}

void SwitchStages::mod_down(Poly& in, int level, Poly& out) {
  divide_special(std::array{&in}, level, std::array{&out});
}

void SwitchStages::mod_down_rescale(Poly& in, int level, Poly& out) {
  divide_rescale(std::array{&in}, level, std::array{&out});
}

void SwitchStages::mod_down(std::array<Poly, 2>& in, int level, std::array<Poly*, 2> out) {
  divide_special(std::array{&in[0], &in[1]}, level, out);
}

void SwitchStages::mod_down_rescale(std::array<Poly, 2>& in, int level, std::array<Poly*, 2> out) {
  divide_rescale(std::array{&in[0], &in[1]}, level, out);
}

void SwitchStages::rescale(Poly& in, int level, Poly& out) {
  require_limbs(in, level, false, 1);
  const std::size_t own = level + 1;
  dropped_.clear();
  dropped_.push_back({own - 1, &context_.q(level)});
  divide(std::array{&in}, own - 1, context_.level(level).drop, context_.level(level).drop_factor,
         std::array{&out});
}

}  // namespace pliant::ckks
