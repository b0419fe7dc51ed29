// A random walk of operations on ciphertexts, every result compared with its carried bounds.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"
#include "machine/encrypted/ckks/shapes.h"

namespace pliant::ckks {

// With keys and a walk of its own for each seed.
class Walk {
 public:
  Walk(const Params& params, std::uint64_t seed, Log* log = nullptr)
      : context_(params, best_kernels(), log),
        s_(context_, nullptr, key_seed(seed)),
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

  // The largest error of any result in units of each bound: the worst case's, the likely one's.
  double worst() const { return worst_; }
  double likely() const { return likely_; }
  // Results compared, fresh encryptions not among them.
  int checked() const { return checked_; }

 private:
  using Slots = std::vector<std::complex<double>>;
  struct Walker {
    Ciphertext c;
    Slots want;
  };
  struct Operand {
    Plaintext plain;
    Slots values;
  };

  static Seed key_seed(std::uint64_t number) {
    Seed seed{7};
    std::memcpy(&seed[1], &number, sizeof number);
    return seed;
  }
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
      linear = std::make_unique<LinearTransform>(
          s_.context, s_.encoder, diagonals,
          LinearOptions{.level = a.c.level, .babies = 7, .divided = a.c.level % 2 == 0});
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

  Context context_;
  Keys s_;
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

}  // namespace pliant::ckks
