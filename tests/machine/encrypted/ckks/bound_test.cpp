// The carried bounds against the measured error, over long random walks; and what loops allocate.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>

#include "allocations.h"
#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"
#include "machine/encrypted/ckks/shapes.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

struct Walker {
  Ciphertext c;
  Slots want;
};

struct Operand {
  Plaintext plain;
  Slots values;
};

class Walk {
 public:
  Walk(const Params& params, std::uint64_t seed)
      : s_(params),
        rng_(seed),
        n_(s_.context.slots()),
        most_(std::exp2((params.first_bits - params.scale_bits) / 2.0 - 0.8)),
        walkers_(5) {
    s_.rotations({1, 2, 7});
    for (Walker& w : walkers_) restart(w);
  }

  // One operation or a few, or a restart where there is nothing left to do.
  void step() {
    Walker& a = walkers_[below(walkers_.size())];
    const Walker& b = walkers_[below(walkers_.size())];
    if (!(a.c.level == 0 || rng_.below(3) == 0 ? keep_level(a, b) : use_level(a, b)) ||
        a.c.magnitude > most_)
      restart(a);
  }

  double worst() const { return worst_; }
  double likely() const { return likely_; }
  int checked() const { return checked_; }

 private:
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(rng_.below(static_cast<std::int64_t>(n)));
  }
  double size() { return std::array{1.0, 1.0, 0.16, 1e-3, 1e-8}[below(5)]; }

  void restart(Walker& w) {
    w.want = shaped(rng_, static_cast<int>(below(kShapes)), n_, size());
    Encryptor& encryptor = rng_.below(2) == 0 ? s_.encryptor : s_.symmetric;
    const EncodingOptions options{.bound = largest(w.want)};
    // one in eight as a public operand first
    if (rng_.below(8) == 0) w.c = encryptor.encrypt(s_.encoder.encode(w.want, options));
    else w.c = encryptor.encrypt(s_.encoder, w.want, options);
    measure(w);
  }

  bool keep_level(Walker& a, const Walker& b) {
    Evaluator& e = s_.evaluator;
    switch (rng_.below(7)) {
      case 0:
        if (!meet(a, b)) return false;
        e.add(a.c, other_, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] + b.want[i]; });
      case 1:
        if (!meet(a, b)) return false;
        e.subtract(other_, a.c, a.c);
        return check(a, [&](std::size_t i) { return b.want[i] - a.want[i]; });
      case 2: {
        const Operand& x = operand(a.c.level);
        e.add(a.c, x.plain, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] + x.values[i]; });
      }
      case 3: {  // with its own rotation
        const std::size_t steps = some_steps();
        e.rotate(a.c, static_cast<int>(steps), s_.keys, other_);
        e.add(a.c, other_, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] + a.want[(i + steps) % n_]; });
      }
      case 4:
        e.conjugate(a.c, s_.keys, a.c);
        return check(a, [&](std::size_t i) { return std::conj(a.want[i]); });
      case 5:  // hoisted, against the rotation by another number of steps
        e.raise(a.c, raised_);
        e.rotate_raised(a.c, raised_, 7, s_.keys, other_);
        e.rotate_raised(a.c, raised_, 1, s_.keys, a.c);
        e.subtract(a.c, other_, a.c);
        return check(a, [&](std::size_t i) { return a.want[(i + 1) % n_] - a.want[(i + 7) % n_]; });
      default: {
        const std::size_t steps = some_steps();
        e.rotate(a.c, static_cast<int>(steps), s_.keys, a.c);
        return check(a, [&](std::size_t i) { return a.want[(i + steps) % n_]; });
      }
    }
  }

  bool use_level(Walker& a, const Walker& b) {
    Evaluator& e = s_.evaluator;
    switch (rng_.below(6)) {
      case 0:
        if (!meet(a, b) || a.c.level == 0) return false;
        e.multiply(a.c, other_, a.c);
        e.relinearize_rescale(a.c, s_.keys, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] * b.want[i]; });
      case 1:
        if (!meet(a, b) || a.c.level == 0) return false;
        e.multiply(a.c, other_, a.c);
        e.rescale(a.c, a.c);  // of three parts
        e.relinearize(a.c, s_.keys, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] * b.want[i]; });
      case 2:
        e.multiply(a.c, a.c, a.c);
        e.relinearize(a.c, s_.keys, a.c);
        e.rescale(a.c, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] * a.want[i]; });
      case 3: {
        const Operand& x = operand(a.c.level);
        e.multiply(a.c, x.plain, a.c);
        e.rescale(a.c, a.c);
        return check(a, [&](std::size_t i) { return a.want[i] * x.values[i]; });
      }
      case 4: return transform(a);
      default:
        e.adjust(a.c, a.c.level - 1, a.c);
        return check(a, [&](std::size_t i) { return a.want[i]; });
    }
  }

  std::size_t some_steps() { return std::array<std::size_t, 3>{1, 2, 7}[below(3)]; }

  // Public operands are encoded once.
  const Operand& operand(int level) {
    const auto shape = static_cast<int>(below(2 * kShapes));
    Operand& one = operands_[{level, shape}];
    if (one.values.empty()) {
      one.values = shaped(rng_, shape % kShapes, n_, size());
      one.plain = s_.encoder.encode(one.values, {.level = level, .bound = largest(one.values)});
    }
    return one;
  }

  bool transform(Walker& a) {
    auto& [linear, diagonals] = transforms_[a.c.level];
    if (linear == nullptr) {
      for (const int offset : {0, 1, 7, 8})
        diagonals[offset] = shaped(rng_, static_cast<int>(below(kShapes)), n_, 0.5);
      linear = std::make_unique<LinearTransform>(s_.context, s_.encoder, diagonals,
                                                 LinearOptions{.level = a.c.level, .babies = 7});
    }
    linear->apply(a.c, s_.evaluator, s_.keys, work_, a.c);
    return check(a, [&, &diagonals = diagonals](std::size_t i) {
      std::complex<double> sum = 0;
      for (const auto& [offset, values] : diagonals)
        sum += values[i] * a.want[(i + static_cast<std::size_t>(offset)) % n_];
      return sum;
    });
  }

  // Brings a and (a copy of) b to one level; false when the higher has no level to spend.
  bool meet(Walker& a, const Walker& b) {
    if (a.c.level > b.c.level) s_.evaluator.adjust(a.c, b.c.level, a.c);
    s_.evaluator.adjust(b.c, a.c.level, other_);
    return a.c.scale == other_.scale;
  }

  template <typename F>
  bool check(Walker& w, const F& want) {
    w.want = map(w.want, want);
    ++checked_;
    measure(w);
    return true;
  }

  void measure(const Walker& w) {
    const double error = s_.error(w.c, w.want) * w.c.error();
    worst_ = std::max(worst_, error / w.c.error());
    likely_ = std::max(likely_, error / w.c.error_bound());
  }

  Scheme s_;
  Rng rng_;
  std::size_t n_;
  double most_;  // of a walker: its square fits too
  std::vector<Walker> walkers_;
  Ciphertext other_;
  Raised raised_;
  LinearWorkspace work_;
  std::map<std::pair<int, int>, Operand> operands_;
  std::map<int, std::pair<std::unique_ptr<LinearTransform>, Diagonals>> transforms_;
  double worst_ = 0, likely_ = 0;
  int checked_ = 0;
};

// In builds that check as they go (no NDEBUG: debug, sanitized) a twentieth of the walk.
// PLIANT_CKKS_OPERATIONS gives another length (the long walk is of a million), --gtest_random_seed
// another walk.
int operations() {
  const char* given = std::getenv("PLIANT_CKKS_OPERATIONS");
#ifdef NDEBUG
  return given == nullptr ? 3000 : std::atoi(given);
#else
  return given == nullptr ? 150 : std::atoi(given);
#endif
}

TEST(Bound, HoldsOverRandomOperations) {
  struct Set {
    int log_n, levels, bits, digits;
    double share;
  };
  const bool told = std::getenv("PLIANT_CKKS_OPERATIONS") != nullptr;
  int checked = 0;
  for (const Set& set : {Set{4, 3, 40, 2, 0.2},
                         {5, 4, 30, 3, 0.2},
                         {6, 3, 45, 4, 0.2},
                         {7, 2, 35, 1, 0.2},
                         {12, 3, 40, 3, 0.85},
                         {13, 4, 45, 2, 0.1},
                         {14, 3, 40, 4, 0.03},
                         {15, 3, 40, 3, 0.02}}) {
    Walk walk(small(set.log_n, set.levels, set.bits, set.digits),
              static_cast<std::uint64_t>(set.log_n + 100 * GTEST_FLAG_GET(random_seed)));
    while (walk.checked() < set.share * operations()) walk.step();
    EXPECT_LE(walk.worst(), 1) << "N = 2^" << set.log_n;
    EXPECT_LE(walk.likely(), 1) << "N = 2^" << set.log_n;
    EXPECT_GT(walk.likely(), 0.05) << "the bound says nothing at N = 2^" << set.log_n;
    if (set.log_n >= 12) checked += walk.checked();
    if (told)
      std::cout << "N = 2^" << set.log_n << ": " << walk.checked() << " operations, error up to "
                << walk.worst() << " of the worst case, " << walk.likely() << " of the likely bound"
                << std::endl;
  }
  EXPECT_GE(checked, operations());
}

TEST(Loops, DoNotAllocate) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
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
