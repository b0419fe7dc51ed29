// Maps of several ciphertexts to several, with giant steps one by one or by a stride.
#include "machine/encrypted/ckks/linear_map.h"

#include <gtest/gtest.h>

#include "allocations.h"
#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"
#include "machine/encrypted/ckks/shapes.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

struct Example {
  std::vector<LinearTerm> terms;
  std::vector<Slots> diagonals;
  LinearMapOptions options;

  LinearMap map(Scheme& s) const {
    return LinearMap(
        s.context, s.encoder, terms,
        [&](std::size_t i) { return std::span<const std::complex<double>>(diagonals[i]); },
        options);
  }
  std::vector<Slots> plain(const std::vector<Slots>& in, std::size_t results) const {
    const auto n = static_cast<std::int64_t>(in[0].size());
    std::vector<Slots> out(results, Slots(in[0].size()));
    for (std::size_t i = 0; i < terms.size(); ++i)
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int64_t at = ((k + terms[i].giant) % n + n) % n;
        out[terms[i].result][k] +=
            diagonals[i][at] * in[terms[i].source][((at + terms[i].baby) % n + n) % n];
      }
    return out;
  }
};

// Every giant step of `giants` of both results, by some babies of both sources.
Example example(Rng& rng, std::size_t slots, const std::vector<std::int64_t>& giants,
                std::int64_t stride, int shape) {
  Example e;
  e.options.stride = stride;
  for (int result = 0; result < 2; ++result)
    for (const std::int64_t giant : giants)
      for (int source = 0; source < 2; ++source)
        for (std::int64_t baby = -1; baby <= result + source; ++baby) {
          e.terms.push_back({result, source, giant, baby});
          e.diagonals.push_back(shaped(rng, shape, slots, 0.5));
        }
  return e;
}

void make_keys(Scheme& s, const LinearMap& map) {
  for (const int steps : map.rotations())
    s.keys.add(s.generator.rotation_key(s.secret, steps, map.level()));
}

double largest_error(Scheme& s, const Ciphertext& c, const Slots& want) {
  const Slots got = s.decrypt(c);
  double most = 0;
  for (std::size_t i = 0; i < want.size(); ++i) most = std::max(most, std::abs(got[i] - want[i]));
  return most;
}

// Sources divided early or late, and with none, some or all of the diagonals held transformed.
void expect_right(Scheme& s, Example e, const std::vector<Slots>& x) {
  const Ciphertext a = s.symmetric.encrypt(s.encoder, x[0]), b = s.encrypt(x[1]);
  const Ciphertext* const in[] = {&a, &b};
  const std::vector<Slots> want = e.plain(x, 2);
  const std::size_t limb = s.context.n() * sizeof(u64);
  LinearWorkspace work;
  for (const bool divided : {false, true}) {
    std::vector<Poly> first;
    for (const std::size_t room : {std::size_t{0}, 11 * limb, 1000 * limb}) {
      e.options.divided = divided;
      e.options.expanded_bytes = room;
      const LinearMap map = e.map(s);
      make_keys(s, map);
      Ciphertext out[2];
      Ciphertext* const results[] = {&out[0], &out[1]};
      map.apply(in, s.evaluator, s.keys, work, results);
      for (std::size_t r = 0; r < 2; ++r) {
        EXPECT_EQ(out[r].scale, s.context.scale(map.level() - 1));
        const double error = largest_error(s, out[r], want[r]);
        EXPECT_LE(error, out[r].error());
        EXPECT_LE(error, out[r].error_bound());
        EXPECT_GE(60 * error, out[r].error_bound());
        if (room == 0) first.push_back(out[r].part[0].copy());
        EXPECT_EQ(out[r].part[0], first[r]);
      }
    }
  }
}

TEST(LinearMap, EqualsThePlainProductOfSeveralSourcesAndResults) {
  Scheme s(small(8, 2));
  Rng rng(1);
  const std::vector<std::int64_t> both{-48, -16, 0, 16, 32}, far{40, 80}, below{-24}, alone{0};
  for (const std::size_t slots : {128u, 64u})
    for (const int shape : {0, kShapes - 1}) {
      const std::vector<Slots> x{random_slots(rng, slots), shaped(rng, shape, slots, 1)};
      expect_right(s, example(rng, slots, both, 0, shape), x);
      expect_right(s, example(rng, slots, both, 16, shape), x);
      expect_right(s, example(rng, slots, far, 40, shape), x);
      expect_right(s, example(rng, slots, far, -20, shape), x);
      expect_right(s, example(rng, slots, below, 8, shape), x);
      expect_right(s, example(rng, slots, alone, 3, shape), x);
    }
}

TEST(LinearMap, TakesOneGiantKeyEachWay) {
  Scheme s(small(8, 1));
  Rng rng(2);
  const std::vector<std::int64_t> giants{-48, -32, -16, 0, 16, 32, 48};
  EXPECT_EQ(example(rng, 128, giants, 16, 0).map(s).rotations(),
            (std::vector<int>{1, 2, 16, 112, 127}));
  EXPECT_EQ(example(rng, 128, giants, 0, 0).map(s).rotations(),
            (std::vector<int>{1, 2, 16, 32, 48, 80, 96, 112, 127}));
}

TEST(LinearMap, HoldsADiagonalOnceAndInLittleMemory) {
  Scheme s(small(11, 2));
  Rng rng(8);
  const std::size_t slots = 1024, whole = 2 * slots * sizeof(double);
  Example e;
  const auto add = [&](const Slots& values, int number) {
    e.terms.push_back({0, 0, 0, static_cast<std::int64_t>(e.terms.size()), number});
    e.diagonals.push_back(values);
  };
  const Slots one = random_slots(rng, slots);
  Slots period(slots);
  for (std::size_t i = 0; i < slots; ++i) period[i] = one[i % 8];
  add(one, 1);
  add(random_slots(rng, slots), 1);  // never asked for: it is that of the first
  add(one, -1);                      // equal to it
  add(random_slots(rng, slots), -1);
  add(Slots(slots, 0.25), -1);
  add(period, -1);
  e.options.expanded_bytes = 0;
  const std::size_t wanted = 2 * whole + 2 * sizeof(double) + 16 * sizeof(double);
  EXPECT_EQ(e.map(s).bytes(), wanted);
  EXPECT_EQ(e.map(s).expanded_bytes(), 0u);
  const std::size_t limbs = 3 + s.context.special(), expanded = limbs * s.context.n() * sizeof(u64);
  e.options.divided = false;
  e.options.expanded_bytes = 2 * expanded - 1;
  EXPECT_EQ(e.map(s).expanded_bytes(), expanded);
  EXPECT_EQ(e.map(s).bytes(), wanted - whole + expanded);
  e.options.expanded_bytes = kExpandedBytes;
  EXPECT_EQ(e.map(s).bytes(), 4 * expanded);
}

TEST(LinearMap, DividesWhatManyDiagonalsMultiply) {
  Scheme s(small(6, 2));
  Rng rng(9);
  EXPECT_TRUE(example(rng, 32, {-12, -8, -4, 0, 4, 8, 12, 16, 20, 24, 28}, 4, 0).map(s).divided());
  EXPECT_FALSE(example(rng, 32, {0}, 4, 0).map(s).divided());
}

TEST(LinearMap, DoesNotAllocateInAWorkspaceOnAnyThreadCount) {
  for (const bool divided : {false, true})
    for (const std::size_t room : {std::size_t{0}, kExpandedBytes}) {
      Example e;
      std::vector<Poly> first;
      for (const int threads : {1, 2}) {
        ThreadPool pool(threads);
        Scheme s(small(11, 2), &pool);
        Rng rng(5);
        e = example(rng, 1024, {-4, 0, 4}, 4, 0);
        e.options.divided = divided;
        e.options.expanded_bytes = room;
        const LinearMap map = e.map(s);
        make_keys(s, map);
        const Ciphertext a = s.encrypt(random_slots(rng, 1024)),
                         b = s.encrypt(random_slots(rng, 1024));
        const Ciphertext* const in[] = {&a, &b};
        Ciphertext out[2];
        Ciphertext* const results[] = {&out[0], &out[1]};
        LinearWorkspace work;
        for (int i = 0; i < 2; ++i) map.apply(in, s.evaluator, s.keys, work, results);
        const long before = allocations();
        map.apply(in, s.evaluator, s.keys, work, results);
        EXPECT_EQ(allocations() - before, 0);
        if (first.empty())
          for (const Ciphertext& c : out) first.push_back(c.part[1].copy());
        for (std::size_t r = 0; r < 2; ++r) EXPECT_EQ(out[r].part[1], first[r]);
      }
    }
}

TEST(LinearMap, StopsWhenItIsToldTo) {
  Scheme s(small(6, 1));
  Rng rng(7);
  const LinearMap map = example(rng, 32, {0, 4}, 4, 0).map(s);
  make_keys(s, map);
  const Ciphertext a = s.encrypt(random_slots(rng, 32));
  const Ciphertext* const in[] = {&a, &a};
  Ciphertext out[2];
  Ciphertext* const results[] = {&out[0], &out[1]};
  LinearWorkspace work;
  int asked = 0;
  work.watch = [&] {
    if (++asked == 3) throw Error(ErrorKind::cancelled, "test", "stopped");
  };
  EXPECT_THROW(map.apply(in, s.evaluator, s.keys, work, results), Error);
  work.watch = {};
  map.apply(in, s.evaluator, s.keys, work, results);
}

TEST(LinearMap, Refuses) {
  Scheme s(small(6, 2)), other(small(6, 2, 41));
  Rng rng(4);
  const auto says = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  const auto built = [&](const std::function<void(Example&)>& change) {
    Example e = example(rng, 32, {0, 4}, 4, 0);
    change(e);
    return error_of([&] { e.map(s); });
  };
  says(built([](Example& e) { e.terms.clear(); }), "no diagonals");
  says(built([](Example& e) { e.options.stride = 3; }),
       "giant step 4 is no multiple of the stride");
  for (const std::int64_t giant : {std::int64_t{1} << 50, -(std::int64_t{1} << 50)})
    says(built([&](Example& e) { e.terms[1].giant = giant; }), "more than 32 strides away");
  says(built([](Example& e) { e.options.level = 0; }), "level 0 is not between 1 and 2");
  says(built([](Example& e) { e.terms[1].source = -1; }), "below 0");
  says(built([](Example& e) { e.diagonals[1].resize(16); }), "diagonals of 32 and of 16 values");
  says(built([](Example& e) {
         for (Slots& d : e.diagonals) d.resize(24);
       }),
       "24 values, which is not a power of two");
  says(error_of([&] { example(rng, 32, {0}, 0, 0).map(other); }), "accepted");
  const LinearMap map = example(rng, 32, {0, 4}, 4, 0).map(s);
  const Ciphertext a = s.encrypt(random_slots(rng, 32)), low = s.encrypt(random_slots(rng, 32), 1);
  Ciphertext off = a.copy(), out[2];
  off.scale *= 1.5;
  Ciphertext* const results[] = {&out[0], &out[1]};
  LinearWorkspace work;
  const auto applied = [&](Scheme& by, std::vector<const Ciphertext*> in, std::size_t count = 2) {
    return error_of(
        [&] { map.apply(in, by.evaluator, s.keys, work, std::span(results).first(count)); });
  };
  says(applied(s, {&a}), "1 ciphertexts for a map of 2");
  says(applied(s, {&a, &a}, 1), "1 ciphertexts for 2 results");
  says(applied(s, {&a, &low}), "level 1, diagonals of level 2");
  says(applied(s, {&a, &off}), "differ");
  says(applied(other, {&a, &a}), "the transform belongs to parameters ");
  says(applied(s, {&a, &a}), "no key for rotation by 1 at level 2");
}

}  // namespace
}  // namespace pliant::ckks
