// Key switching in its stages, so that hoisting and double hoisting are compositions: mod-up, inner
// product, mod-down.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <vector>

#include "core/pool.h"
#include "machine/encrypted/ckks/context/context.h"
#include "machine/encrypted/ckks/keys/keys.h"
#include "machine/encrypted/ckks/ring/poly.h"

namespace pliant::ckks {

// The digits of a polynomial, each as an extended polynomial that is congruent to it modulo its own
// primes. Plain data: threads may read one at once.
struct Raised {
  int level = 0;
  std::vector<Poly> digits;
  Hash params{};
};

// Keeps working memory for the whole chain: after the first call at a level nothing is allocated.
// Throws Error{invalid} for sizes that do not go together. Not thread-safe; with a pool it spreads
// limbs and blocks of coefficients over threads, with equal results at every thread count.
class SwitchStages {
 public:
  static constexpr std::size_t kMostDigits = 32;  // as in_range(Params) has it

  explicit SwitchStages(const Context& context, ThreadPool* pool = nullptr);

  // All polynomials are transformed. `in` has level + 1 limbs.
  void mod_up(const Poly& in, int level, Raised& out);
  // Throws Error{invalid} unless these are the digits of `in`, a polynomial of `level`. The first
  // values of every limb are compared: other contents have others, but with probability 2^-300.
  void require_raised(const Raised& raised, const Poly& in, int level) const;
  // out[0] = sum digits b + P plus[0], out[1] = sum digits a + P plus[1], both permuted by `index`
  // (an automorphism's, or null): extended, P times too large. plus[i] may be null.
  void inner(const Raised& raised, const SwitchKey& key, const std::uint32_t* index,
             std::array<const Poly*, 2> plus, std::array<Poly, 2>& out);
  // The same of the digits of `in`, which nobody else wants.
  void switch_key(const Poly& in, int level, const SwitchKey& key, const std::uint32_t* index,
                  std::array<const Poly*, 2> plus, std::array<Poly, 2>& out);
  // A sum in two parts, of which either may be null: `divided` + `undivided` / P.
  struct Sum {
    const std::array<Poly, 2>* divided = nullptr;  // of level + 1 limbs
    std::array<Poly, 2>* undivided = nullptr;      // extended
  };
  // P times the automorphism `index` of `from`, switched by `key`, is added to `to` or becomes it;
  // what is undivided is used up. Gives what the key was applied to, which may be in `work`.
  const Poly& rotate_sum(const Sum& from, int level, const SwitchKey& key,
                         const std::uint32_t* index, Poly& work, bool add, std::array<Poly, 2>& to);
  // sum += P plus, of which the one is extended and the other is not.
  void add_divided(std::array<Poly, 2>& sum, const std::array<Poly, 2>& plus, int level);
  // out = round(in / P), `in` extended; its special limbs are overwritten. out may be in.
  void mod_down(Poly& in, int level, Poly& out);
  // out = round(in / (P q[level])): level limbs.
  void mod_down_rescale(Poly& in, int level, Poly& out);
  // Both parts of a ciphertext at once.
  void mod_down(std::array<Poly, 2>& in, int level, std::array<Poly*, 2> out);
  void mod_down_rescale(std::array<Poly, 2>& in, int level, std::array<Poly*, 2> out);
  // out = round(in / q[level]), `in` of level + 1 limbs, the last of which is overwritten.
  void rescale(Poly& in, int level, Poly& out);

  // task(i) for i in [0, count), on the pool.
  template <typename Task>
  void each(std::size_t count, const Task& task) {
    if (pool_ == nullptr) {
      for (std::size_t i = 0; i < count; ++i) task(i);
      return;
    }
    const auto wrapped = [&task](std::int64_t i, int) { task(i); };
    pool_->parallel(count, std::cref(wrapped));  // by reference: no allocation
  }

 private:
  struct Dropped {
    std::size_t limb;
    const NttTable* table;
  };
  void require_limbs(const Poly& in, int level, bool extended, int lowest) const;
  void require_digits(const Raised& raised) const;
  void require_key(int level, const SwitchKey& key) const;
  using Limbs = std::array<const u64*, kMostDigits>;  // one of each digit
  void inner_block(const Limbs& raised, int level, const SwitchKey& key, std::size_t half,
                   std::size_t limb, std::size_t from, u64* out) const;
  void inner_limb(const Limbs& raised, int level, const SwitchKey& key, std::size_t limb,
                  const std::uint32_t* index, std::array<const Poly*, 2> plus,
                  std::array<Poly, 2>& out) const;
  void to_coefficients(const Poly& in, int level);
  template <typename Place>
  void convert_digits(int level, const Place& place);
  template <typename Use>
  void each_raised(const Poly& in, int level, const Use& use);
  const Poly& second_part(const Sum& from, int level, Poly& work);
  void drop_special(std::size_t own);
  void require_extended(std::span<Poly* const> in, int level, int lowest) const;
  void divide_special(std::span<Poly* const> in, int level, std::span<Poly* const> out);
  void divide_rescale(std::span<Poly* const> in, int level, std::span<Poly* const> out);
  void divide(std::span<Poly* const> in, std::size_t kept, const Conversion& conversion,
              const std::vector<ShoupFactor>& factors, std::span<Poly* const> out);
  // coefficients that pass through the first-level cache together
  static constexpr std::size_t kBlock = 2048;
  std::size_t block() const { return std::min(context_.n(), kBlock); }
  const Context& context_;
  ThreadPool* pool_;
  Poly work_, converted_, counts_;
  std::vector<Dropped> dropped_;  // limbs that the division takes away
};

}  // namespace pliant::ckks
