// Objects of another context, level or source, and objects with nothing in them: typed errors,
// never a number.
#include <gtest/gtest.h>

#include <limits>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/ckks/linear.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

class Foreign : public testing::Test {
 protected:
  Foreign() : s(small(6, 4)), rng(1), x(random_slots(rng, 32)), a(s.encrypt(x)) {
    s.rotations({1});
  }
  Scheme s;
  Rng rng;
  Slots x;
  Ciphertext a, out;
  Raised raised;
  Extended extended;
};

TEST_F(Foreign, TransformsOfAnotherContextAreRefused) {
  for (const Params& params : {small(7, 4), small(6, 5), small(6, 4, 41)}) {
    Scheme other(params);
    const Slots ones(other.context.slots(), 1);
    const LinearTransform transform(other.context, other.encoder, {{0, ones}}, {.level = 4});
    says(error_of([&] { transform.apply(a, s.evaluator, s.keys, out); }),
         "the transform belongs to parameters ");
    says(error_of([&] { transform.apply_single_hoisted(a, s.evaluator, s.keys, out); }),
         "the transform belongs to parameters ");
  }
}

TEST_F(Foreign, EncodersOfAnotherContextBuildNoTransform) {
  Scheme other(small(6, 4, 41));
  says(error_of([&] {
         LinearTransform(s.context, other.encoder, {{0, x}});
       }),
       "the encoder belongs to parameters ");
}

TEST_F(Foreign, DigitsOfAnotherCiphertextAreRefused) {
  const Ciphertext b = s.encrypt(x);  // the same message
  s.evaluator.raise(b, raised);
  says(error_of([&] { s.evaluator.rotate_raised(a, raised, 1, s.keys, out); }),
       "raised from another ciphertext");
  says(error_of([&] { s.evaluator.rotate_extended(a, raised, 1, s.keys, extended); }),
       "raised from another ciphertext");
  // Another only in its last prime, and another context of the same size.
  Ciphertext last = a.copy();
  last.part[1].limb(4)[0] ^= 1;
  s.evaluator.raise(last, raised);
  says(error_of([&] { s.evaluator.rotate_raised(a, raised, 1, s.keys, out); }),
       "raised from another ciphertext");
  Scheme other(small(6, 4, 41));
  other.evaluator.raise(other.encrypt(x), raised);
  says(error_of([&] { s.evaluator.rotate_extended(a, raised, 1, s.keys, extended); }),
       "the raised polynomial belongs to parameters ");
  // A copy has the same contents.
  s.evaluator.raise(a.copy(), raised);
  s.evaluator.rotate_raised(a, raised, 1, s.keys, out);
  EXPECT_LE(s.error(out, map(x, [&](std::size_t i) { return x[(i + 1) % 32]; })), 1);
}

TEST_F(Foreign, DigitsOfAnotherLevelOrNoneAreRefused) {
  const Ciphertext low = s.encrypt(x, 1);
  KeySet low_keys;
  low_keys.add(s.generator.rotation_key(s.secret, 1, 1));
  s.evaluator.raise(a, raised);
  says(error_of([&] { s.evaluator.rotate_extended(low, raised, 1, low_keys, extended); }),
       "raised at level 4, rotated at level 1");
  const Raised none;
  says(error_of([&] { s.evaluator.rotate_extended(a, none, 1, s.keys, extended); }),
       "the raised polynomial belongs to parameters 0000000000000000");
  raised.digits.resize(1);
  says(error_of([&] { s.evaluator.rotate_extended(a, raised, 1, s.keys, extended); }),
       "1 digits instead of 3");
}

TEST_F(Foreign, UndividedRotationsOfAnotherContextAreRefused) {
  Scheme other(small(6, 4, 41));
  other.rotations({1});
  const Ciphertext b = other.encrypt(x);
  other.evaluator.raise(b, raised);
  other.evaluator.rotate_extended(b, raised, 1, other.keys, extended);
  extended.scale *= s.context.scale(4);
  says(error_of([&] { s.evaluator.finish_rescale(extended, out); }),
       "the undivided ciphertext belongs to parameters ");
  Extended none;
  says(error_of([&] { s.evaluator.finish_rescale(none, out); }),
       "the undivided ciphertext belongs to parameters 0000000000000000");
}

// The division uses up the polynomials.
TEST_F(Foreign, AnUndividedRotationIsFinishedOnce) {
  s.evaluator.raise(a, raised);
  s.evaluator.rotate_extended(a, raised, 1, s.keys, extended);
  extended.scale *= s.context.scale(4);
  s.evaluator.finish_rescale(extended, out);
  says(error_of([&] { s.evaluator.finish_rescale(extended, out); }),
       "the undivided ciphertext belongs to parameters 0000000000000000");
}

// Each verb that takes a ciphertext, on one.
std::vector<std::string> verbs(Scheme& s, const Ciphertext& c, const Ciphertext& good) {
  Ciphertext out;
  Raised raised;
  Extended extended;
  const Plaintext plain = s.encoder.encode(Slots(32, 0.5));
  Evaluator& e = s.evaluator;
  const std::function<void()> all[] = {[&] { e.add(c, good, out); },
                                       [&] { e.add(good, c, out); },
                                       [&] { e.subtract(good, c, out); },
                                       [&] { e.negate(c, out); },
                                       [&] { e.add(c, plain, out); },
                                       [&] { e.multiply(c, plain, out); },
                                       [&] { e.multiply(c, good, out); },
                                       [&] { e.multiply(good, c, out); },
                                       [&] { e.relinearize(c, s.keys, out); },
                                       [&] { e.relinearize_rescale(c, s.keys, out); },
                                       [&] { e.rescale(c, out); },
                                       [&] { e.drop_level(c, 0, out); },
                                       [&] { e.adjust(c, 0, out); },
                                       [&] { e.rotate(c, 1, s.keys, out); },
                                       [&] { e.conjugate(c, s.keys, out); },
                                       [&] { e.raise(c, raised); },
                                       [&] { e.rotate_raised(c, raised, 1, s.keys, out); },
                                       [&] { e.rotate_extended(c, raised, 0, s.keys, extended); },
                                       [&] { s.decryptor.decrypt(c); },
                                       [&] { serialize(c); }};
  std::vector<std::string> errors;
  for (const auto& verb : all) errors.push_back(error_of(verb));
  return errors;
}

TEST_F(Foreign, CiphertextsThatContradictThemselvesAreRefused) {
  const auto broken = [&](const auto& change) {
    Ciphertext c = a.copy();
    change(c);
    return c;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Ciphertext> all;
  all.push_back(Ciphertext());
  all.back().params = s.context.hash();
  all.push_back(broken([](Ciphertext& c) { c.size = 4; }));
  all.push_back(broken([](Ciphertext& c) { c.size = 1; }));
  all.push_back(broken([](Ciphertext& c) { c.level = -1; }));
  all.push_back(broken([](Ciphertext& c) { c.level = 5; }));
  all.push_back(broken([](Ciphertext& c) { c.level = 3; }));
  all.push_back(broken([](Ciphertext& c) { c.slots = 0; }));
  all.push_back(broken([](Ciphertext& c) { c.slots = 12; }));
  all.push_back(broken([&](Ciphertext& c) { c.noise = nan; }));
  all.push_back(broken([&](Ciphertext& c) { c.scale = nan; }));
  all.push_back(broken([&](Ciphertext& c) { c.scale = 0; }));
  all.push_back(broken([&](Ciphertext& c) { c.magnitude = -1; }));
  all.push_back(broken([](Ciphertext& c) { c.part[1].resize(4, 64); }));
  all.push_back(broken([](Ciphertext& c) { c.part[0].resize(10, 32); }));
  all.push_back(broken([](Ciphertext& c) { c.part[0] = Poly(); }));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const std::string& error : verbs(s, all[i], a))
      EXPECT_NE(error, "accepted") << "ciphertext " << i;
  std::size_t accepted = 0;
  for (const std::string& error : verbs(s, a, a)) accepted += error == "accepted" ? 1 : 0;
  EXPECT_GE(accepted, 16u);
}

TEST_F(Foreign, PlaintextsThatContradictThemselvesAreRefused) {
  const auto broken = [&](const auto& change) {
    Plaintext p = s.encoder.encode(x);
    change(p);
    return p;
  };
  std::vector<Plaintext> all;
  all.push_back(broken([](Plaintext& p) { p.poly = Poly(); }));
  all.push_back(broken([](Plaintext& p) { p.poly.resize(3, 64); }));
  all.push_back(broken([](Plaintext& p) { p.poly.resize(10, 32); }));
  all.push_back(broken([](Plaintext& p) { p.level = 7; }));
  all.push_back(broken([](Plaintext& p) { p.level = -3; }));
  all.push_back(broken([](Plaintext& p) { p.slots = 0; }));
  all.push_back(broken([](Plaintext& p) { p.slots = 64; }));
  all.push_back(broken([](Plaintext& p) { p.extended = true; }));
  all.push_back(broken([](Plaintext& p) { p.bound = std::nan(""); }));
  all.push_back(broken([](Plaintext& p) { p.noise = -1; }));
  all.push_back(broken([](Plaintext& p) { p.params = {}; }));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const std::string& error : {error_of([&] { s.evaluator.add(a, all[i], out); }),
                                     error_of([&] { s.evaluator.multiply(a, all[i], out); }),
                                     error_of([&] { s.encryptor.encrypt(all[i]); }),
                                     error_of([&] { s.symmetric.encrypt(all[i]); }),
                                     error_of([&] { s.encoder.decode(all[i]); })})
      EXPECT_NE(error, "accepted") << "plaintext " << i;
}

TEST_F(Foreign, EmptyKeysAreRefused) {
  SecretKey moved = s.generator.secret_key();
  const SecretKey kept = std::move(moved);
  // NOLINTBEGIN(bugprone-use-after-move)
  for (const std::string& error :
       {error_of([&] { Encryptor(s.context, moved).encrypt(s.encoder.encode(x)); }),
        error_of([&] { Decryptor(s.context, moved).decrypt(a); }),
        error_of([&] { s.generator.public_key(moved); }),
        error_of([&] { s.generator.rotation_key(moved, 1); }),
        error_of([&] { s.generator.relinearization_key(moved); }),
        error_of([&] { serialize(s.context, moved); })})
    says(error, "the secret key is empty");
  // NOLINTEND(bugprone-use-after-move)
  PublicKey nothing;
  nothing.params = s.context.hash();
  says(error_of([&] { Encryptor(s.context, nothing); }), "the public key is empty");
  for (const bool digits : {false, true}) {
    SwitchKey key = s.generator.rotation_key(s.secret, 1);
    if (digits) key.a.pop_back();
    else key.b[1] = packed(s.context, Poly(2, s.context.n()), 1);
    KeySet keys;
    keys.add(std::move(key));
    says(error_of([&] { s.evaluator.rotate(a, 1, keys, out); }), "the key contradicts itself");
  }
  SwitchKey high = s.generator.rotation_key(s.secret, 1);
  high.level = 9;
  KeySet keys;
  keys.add(std::move(high));
  says(error_of([&] { s.evaluator.rotate(a, 1, keys, out); }), "the key contradicts itself");
}

TEST_F(Foreign, StagesRefuseWrongSizes) {
  SwitchStages& stages = s.evaluator.stages();
  const SwitchKey& key = s.keys.find(s.context, s.context.galois(1), 4);
  Poly poly(3, 64), result;
  std::array<Poly, 2> sum;
  for (const int level : {-1, 3, 4, 5}) {
    EXPECT_NE(error_of([&] { stages.mod_up(poly, level, raised); }), "accepted") << level;
    EXPECT_NE(error_of([&] { stages.rescale(poly, level, result); }), "accepted") << level;
    EXPECT_NE(error_of([&] { stages.mod_down(poly, level, result); }), "accepted") << level;
    EXPECT_NE(error_of([&] { stages.mod_down_rescale(poly, level, result); }), "accepted");
  }
  EXPECT_NE(error_of([&] { stages.inner(raised, key, nullptr, {}, sum); }), "accepted");
  s.evaluator.raise(a, raised);
  const SwitchKey low = s.generator.rotation_key(s.secret, 1, 2);
  EXPECT_NE(error_of([&] { stages.inner(raised, low, nullptr, {}, sum); }), "accepted");
  EXPECT_NE(error_of([&] {
              stages.inner(raised, key, nullptr, {&poly, nullptr}, sum);
            }),
            "accepted");
  EXPECT_NE(error_of([&] { stages.switch_key(poly, 4, key, nullptr, {}, sum); }), "accepted");
  EXPECT_NE(error_of([&] { stages.switch_key(a.part[1], 4, low, nullptr, {}, sum); }), "accepted");
  EXPECT_NE(error_of([&] {
              stages.switch_key(a.part[1], 4, key, nullptr, {&poly, nullptr}, sum);
            }),
            "accepted");
  for (const std::uint32_t galois : {0u, 2u, 129u})
    EXPECT_NE(error_of([&] { s.evaluator.permutation(galois); }), "accepted") << galois;
}

}  // namespace
}  // namespace pliant::ckks
