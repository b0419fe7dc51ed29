// What a client believes of a result, and what it may show of one.
#include "machine/encrypted/ckks/keys/decryptor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Slots = std::vector<std::complex<double>>;

class Decryption : public testing::Test {
 protected:
  Decryption() : s(parameters()), rng(1), x(random_slots(rng, s.context.slots())) {}

  static Params parameters() {
    Params params = small(9, 2);
    params.digits = 1;
    return params;
  }

  // How many coefficients of the secret key follow from shown slots: they are encoded again, and
  // what is missing of the message is the second part times the key.
  std::size_t recovered(const Ciphertext& c, const Slots& shown) {
    const Plaintext again =
        s.encoder.encode(shown, {.level = c.level, .scale = c.scale, .bound = 1e6});
    Poly key(1, s.context.n());
    const Modulus& m = s.context.modulus(0);
    for (std::size_t k = 0; k < key.n(); ++k)
      key.limb(0)[k] = multiply(subtract(again.poly.limb(0)[k], c.part[0].limb(0)[k], m.q),
                                inverse(c.part[1].limb(0)[k], m), m);
    const NttTable& table = s.context.table(0);
    s.context.kernels().inverse(key.limb(0), table, factor(table.n_inverse, table.mod));
    const SecretValues secret = s.secret.coefficients(s.context);
    std::size_t right = 0;
    for (std::size_t k = 0; k < key.n(); ++k)
      right += key.limb(0)[k] == from_signed(secret.get()[k], m) ? 1 : 0;
    return right;
  }

  double worst(const Plaintext& plain) {
    const Slots got = s.encoder.decode(plain);
    double most = 0;
    for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(got[i] - x[i]));
    return most;
  }

  Scheme s;
  Rng rng;
  Slots x;
};

// The server hands the client's ciphertext back and claims that it has no noise.
TEST_F(Decryption, AForgedNoiseFieldRecoversNothing) {
  const Ciphertext own = s.symmetric.encrypt(s.encoder, x);
  const Expected plan = expected(own);
  Ciphertext forged = own.copy();
  forged.noise = 0;
  forged.random.clear();
  // Without flooding what is shown is the whole key: the attack works.
  EXPECT_EQ(recovered(forged, s.encoder.decode(s.decryptor.decrypt(forged))), s.context.n());
  EXPECT_EQ(recovered(forged, s.encoder.decode(s.decryptor.decrypt(forged, plan))), s.context.n());
  const Flooding flooding{.queries = 1, .security = 25};
  const Plaintext shown = s.decryptor.decrypt(forged, plan, flooding);
  EXPECT_EQ(recovered(forged, s.encoder.decode(shown)), 0u);
  // The noise is that of the plan, not of the claim.
  const double deviation = std::sqrt(12) * std::exp2(12.5) * plan.deviation;
  const double error = worst(shown) * shown.scale;
  EXPECT_GT(error, 2 * deviation * std::sqrt(s.context.n()));
  EXPECT_LT(error, 6 * deviation * std::sqrt(s.context.n()));
  EXPECT_LE(error, shown.noise);
}

// A plan that says less than the ciphertext claims does not lower the noise.
TEST_F(Decryption, FloodingIsNeverBelowWhatTheCiphertextClaims) {
  const Ciphertext own = s.symmetric.encrypt(s.encoder, x);
  Expected plan = expected(own);
  const double honest = s.decryptor.decrypt(own, plan, {.security = 20}).noise;
  plan.deviation /= 1000;
  EXPECT_EQ(s.decryptor.decrypt(own, plan, {.security = 20}).noise, honest);
  plan.deviation *= 4000;
  EXPECT_NEAR(s.decryptor.decrypt(own, plan, {.security = 20}).noise / honest, 4, 0.01);
}

TEST_F(Decryption, FloodingGrowsWithQueriesAndSecurity) {
  const Ciphertext own = s.symmetric.encrypt(s.encoder, x);
  const Expected plan = expected(own);
  const auto added = [&](const Flooding& flooding) {
    return s.decryptor.decrypt(own, plan, flooding).noise - plan.noise;
  };
  const double one = added({.queries = 1, .security = 20});
  EXPECT_NEAR(added({.queries = 4, .security = 20}) / one, 2, 1e-9);
  EXPECT_NEAR(added({.queries = 1, .security = 24}) / one, 4, 1e-9);
  // In units of a coefficient: 2^16.8 times its deviation for one query at 30 bits.
  EXPECT_NEAR(std::log2(added({}) / s.context.norm_of(plan.deviation)), 16.8, 0.05);
  // Two floodings differ, one stream floods again as it did.
  const auto shown = [&](u64 stream) {
    RandomStream random(Seed{5}, stream);
    return s.decryptor.decrypt(own, plan, {.security = 20}, random).poly;
  };
  EXPECT_EQ(shown(1), shown(1));
  EXPECT_NE(shown(1), shown(2));
  EXPECT_NE(s.decryptor.decrypt(own, plan, {.security = 20}).poly,
            s.decryptor.decrypt(own, plan, {.security = 20}).poly);
}

TEST_F(Decryption, FloodingIsRefusedWhereNothingIsLeft) {
  const Ciphertext own = s.symmetric.encrypt(s.encoder, x);
  Expected plan = expected(own);
  const auto error = [&](const Flooding& flooding) {
    return error_of([&] { s.decryptor.decrypt(own, plan, flooding); });
  };
  EXPECT_EQ(error({}), "accepted");
  says(error({.security = 128}), "nothing of them is left");
  says(error({.queries = 0x1p40, .security = 40}), "nothing of them is left");
  for (const double queries : {0.0, -1.0, 0.5, 0x1p41, std::nan("")})
    says(error({.queries = queries}), "queries");
  for (const int security : {0, -30, 129}) says(error({.security = security}), "bits of security");
  plan.magnitude = 0;
  says(error_of([&] {
         Ciphertext zero = own.copy();
         zero.magnitude = 0;
         s.decryptor.decrypt(zero, plan, Flooding{});
       }),
       "nothing of them is left");
  plan = expected(own);
  // A deviation of 0 would add nothing.
  Ciphertext silent = own.copy();
  silent.random.clear();
  for (const double deviation : {0.0, -1.0, std::nan("")}) {
    plan.deviation = deviation;
    says(error_of([&] { s.decryptor.decrypt(silent, plan, Flooding{}); }), "expected deviation");
  }
}

// The plan is rehearsed with zeros: fields do not depend on what is encrypted.
TEST_F(Decryption, ResultsThatDifferFromThePlanAreRefused) {
  const auto run = [&](const Ciphertext& in) {
    Ciphertext out;
    s.evaluator.multiply(in, in, out);
    s.evaluator.relinearize_rescale(out, s.keys, out);
    return out;
  };
  const Expected plan = expected(run(s.symmetric.encrypt(s.encoder, Slots(x.size()))));
  const Ciphertext result = run(s.symmetric.encrypt(s.encoder, x));
  const Plaintext plain = s.decryptor.decrypt(result, plan);
  EXPECT_EQ(plain.noise, plan.noise);
  const Slots got = s.encoder.decode(plain);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_LE(std::abs(got[i] - x[i] * x[i]), plain.noise / plain.scale);
  const auto error = [&](const auto& change) {
    Ciphertext c = result.copy();
    change(c);
    const std::string flooded = error_of([&] { s.decryptor.decrypt(c, plan, Flooding{}); });
    const std::string said = error_of([&] { s.decryptor.decrypt(c, plan); });
    EXPECT_EQ(flooded == "accepted", said == "accepted");
    return said;
  };
  says(error([](Ciphertext& c) { c.scale = 1; }), "has scale 2^0.000000, the plan's result 2^");
  says(error([](Ciphertext& c) { c.scale *= 1 + 0x1p-50; }), "has scale");
  says(error([](Ciphertext& c) { c.noise *= 2; }), "claims a noise of");
  says(error([](Ciphertext& c) { c.magnitude = 2; }),
       "claims a magnitude of 2, the plan at most 1");
  says(error([](Ciphertext& c) { c.slots /= 2; }), "slots");
  says(error([&](Ciphertext& c) { s.evaluator.drop_level(c, 0, c); }), "is of level 0");
  // Claims of less are not believed, and change nothing.
  EXPECT_EQ(error([](Ciphertext& c) { c.noise = c.magnitude = 0; }), "accepted");
  Ciphertext modest = result.copy();
  modest.noise = modest.magnitude = 0;
  const Plaintext same = s.decryptor.decrypt(modest, plan);
  EXPECT_EQ(same.noise, plan.noise);
  EXPECT_EQ(same.bound, plan.magnitude);
  EXPECT_EQ(s.encoder.decode(same), got);
}

}  // namespace
}  // namespace pliant::ckks
