// The carried bound against the measured error, over long random walks; and what loops allocate.
#include <gtest/gtest.h>

#include <array>

#include "allocations.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

// In builds that check as they go (no NDEBUG: debug, sanitized) a twentieth of the walk.
#ifdef NDEBUG
constexpr int kOperations = 100000;
#else
constexpr int kOperations = 5000;
#endif

struct Walker {
  Ciphertext c;
  Slots want;
};

class Walk {
 public:
  Walk(const Params& params, std::uint64_t seed) : s_(params), rng_(seed), walkers_(6) {
    s_.rotations({1, 2, 7});
    for (Walker& w : walkers_) restart(w);
  }

  void step() {
    Walker& a = walkers_[pick()];
    const Walker& b = walkers_[pick()];
    const std::size_t n = a.want.size();
    Evaluator& e = s_.evaluator;
    switch (rng_.below(9)) {
      case 0:
        if (!meet(a, b)) return restart(a);
        e.add(a.c, other_, a.c);
        for (std::size_t i = 0; i < n; ++i) a.want[i] += b.want[i];
        break;
      case 1:
        if (!meet(a, b)) return restart(a);
        e.subtract(a.c, other_, a.c);
        for (std::size_t i = 0; i < n; ++i) a.want[i] -= b.want[i];
        break;
      case 2:
      case 3: {
        if (!meet(a, b) || a.c.level == 0) return restart(a);
        e.multiply(a.c, other_, a.c);
        e.relinearize_rescale(a.c, s_.keys, a.c);
        for (std::size_t i = 0; i < n; ++i) a.want[i] *= b.want[i];
        break;
      }
      case 4: {
        if (a.c.level == 0) return restart(a);
        const Slots x = random_slots(rng_, n);
        e.multiply(a.c, s_.encoder.encode(x, {.level = a.c.level}), a.c);
        e.rescale(a.c, a.c);
        for (std::size_t i = 0; i < n; ++i) a.want[i] *= x[i];
        break;
      }
      case 5: {
        const Slots x = random_slots(rng_, n);
        e.add(a.c, s_.encoder.encode(x, {.level = a.c.level}), a.c);
        for (std::size_t i = 0; i < n; ++i) a.want[i] += x[i];
        break;
      }
      case 6: {
        const int steps = std::array{1, 2, 7}[rng_.below(3)];
        e.rotate(a.c, steps, s_.keys, a.c);
        a.want = map(a.want, [&](std::size_t i) {
          return a.want[(i + static_cast<std::size_t>(steps)) % n];
        });
        break;
      }
      case 7:
        e.conjugate(a.c, s_.keys, a.c);
        for (auto& v : a.want) v = std::conj(v);
        break;
      default:
        if (a.c.level == 0) return restart(a);
        e.adjust(a.c, a.c.level - 1, a.c);
    }
    check(a);
    if (a.c.magnitude > 3) restart(a);
  }

  double worst() const { return worst_; }
  int checked() const { return checked_; }

 private:
  std::size_t pick() {
    return static_cast<std::size_t>(rng_.below(static_cast<std::int64_t>(walkers_.size())));
  }

  void restart(Walker& w) {
    w.want = random_slots(rng_, s_.context.slots());
    const Plaintext plain = s_.encoder.encode(w.want);
    (rng_.below(2) == 0 ? s_.encryptor : s_.symmetric).encrypt(plain, w.c);
    check(w);
  }

  // Brings a and (a copy of) b to one level; false when the higher has no level to spend.
  bool meet(Walker& a, const Walker& b) {
    if (a.c.level > b.c.level) s_.evaluator.adjust(a.c, b.c.level, a.c);
    s_.evaluator.adjust(b.c, a.c.level, other_);
    return a.c.scale == other_.scale;
  }

  void check(const Walker& w) {
    ++checked_;
    worst_ = std::max(worst_, s_.error(w.c, w.want));
  }

  Scheme s_;
  Rng rng_;
  std::vector<Walker> walkers_;
  Ciphertext other_;
  double worst_ = 0;
  int checked_ = 0;
};

TEST(Bound, HoldsOverRandomOperations) {
  int checked = 0;
  for (const auto& [log_n, levels, bits, digits] :
       {std::tuple{4, 3, 40, 2}, {5, 4, 30, 3}, {6, 3, 45, 4}, {7, 2, 35, 1}}) {
    Params params = small(log_n, levels, bits, digits);
    Walk walk(params, static_cast<std::uint64_t>(log_n));
    while (walk.checked() < kOperations / 4 + 1) walk.step();
    EXPECT_LE(walk.worst(), 1) << "N = 2^" << log_n;
    EXPECT_GT(walk.worst(), 0.005) << "the bound says nothing at N = 2^" << log_n;
    checked += walk.checked();
  }
  EXPECT_GE(checked, kOperations);
}

TEST(Loops, DoNotAllocate) {
  for (const int threads : {1, 2}) {
    Pool pool(threads);
    Scheme s(small(12, 4), &pool);
    s.rotations({1});
    Rng rng(1);
    const Slots x = random_slots(rng, 2048);
    const Ciphertext a = s.encrypt(x);
    const Plaintext plain = s.encoder.encode(x);
    Raised raised;
    Extended extended;
    Ciphertext product, sum, rotated, hoisted, scaled, lower;
    const auto loop = [&] {
      s.evaluator.rotate(a, 1, s.keys, rotated);
      s.evaluator.raise(a, raised);
      s.evaluator.rotate_raised(a, raised, 1, s.keys, hoisted);
      s.evaluator.rotate_extended(a, raised, 1, s.keys, extended);
      s.evaluator.add(a, rotated, sum);
      s.evaluator.multiply(a, sum, product);
      s.evaluator.relinearize_rescale(product, s.keys, product);
      s.evaluator.multiply(a, plain, scaled);
      s.evaluator.rescale(scaled, scaled);
      s.evaluator.adjust(a, 2, lower);
    };
    loop();
    const long before = allocations();
    for (int i = 0; i < 3; ++i) loop();
    EXPECT_EQ(allocations() - before, 0) << threads << " threads";
  }
}

}  // namespace
}  // namespace pliant::ckks
