// The encoder's round trips and refusals, and the context's.
#include "machine/encrypted/ckks/context/encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"
#include "machine/encrypted/ckks/shapes.h"

namespace pliant::ckks {
namespace {

TEST(Encoder, DecodesThoughItHasNotEncodedBefore) {
  const Context context(small(6, 2));
  Encoder encoder(context), fresh(context);
  const std::vector<double> values(32, 0.25);
  const std::vector<double> got = fresh.decode_real(encoder.encode(values));
  for (const double each : got) EXPECT_NEAR(each, 0.25, 1e-9);
}

TEST(Encoder, RoundTripsEverySlotCountWithinItsBound) {
  const Context context(small(8, 3));
  Encoder encoder(context);
  Rng rng(2);
  for (std::size_t count = 1; count <= context.slots(); count *= 2) {
    const auto values = random_slots(rng, count);
    for (int level = 0; level <= 3; ++level) {
      const Plaintext plain = encoder.encode(values, {.level = level});
      const auto back = encoder.decode(plain);
      ASSERT_EQ(back.size(), count);
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_LE(std::abs(back[i] - values[i]), plain.noise / plain.scale);
    }
  }
}

// The largest error of a slot, in units of the bound.
double error(const std::vector<std::complex<double>>& got,
             const std::vector<std::complex<double>>& want, double bound) {
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
  return worst / bound;
}

// Values so small that every coefficient rounds to nothing are the worst: nothing is left of them.
constexpr double kSizes[] = {1, 0.16, 1e-6, 1e-8, 0x1p-28, 0x1p-29};

TEST(Encoder, BoundHoldsOnStructuredVectors) {
  for (const int log_n : {4, 9, 13, 15}) {
    const Context context(small(log_n, 1));
    Encoder encoder(context);
    Rng rng(4);
    for (int shape = 0; shape < kShapes; ++shape)
      for (const double size : kSizes)
        for (const double bits : {20, 25, 40}) {
          if (log_n == 15 && (size == 1e-6 || bits == 25)) continue;  // slow
          const auto values = shaped(rng, shape, context.slots(), size);
          const Plaintext plain = encoder.encode(values, {.scale = std::exp2(bits)});
          EXPECT_LE(error(encoder.decode(plain), values, plain.noise / plain.scale), 1)
              << "N = 2^" << log_n << ", shape " << shape << " of size " << size << " at 2^"
              << bits;
        }
  }
}

TEST(Encoder, BoundOfDenseVectorsIsTight) {
  const Context context(small(12, 1));
  Encoder encoder(context);
  Rng rng(4);
  const auto values = random_slots(rng, context.slots());
  const Plaintext plain = encoder.encode(values);
  EXPECT_GT(error(encoder.decode(plain), values, plain.noise / plain.scale), 0.7);
}

TEST(Encryptor, BoundHoldsOnStructuredVectors) {
  for (const int log_n : {6, 13}) {
    Scheme s(small(log_n, 1));
    Rng rng(5);
    for (int shape = 0; shape < kShapes; ++shape)
      for (const double size : {1.0, 1e-8, 0.49 * 0x1p-40 * static_cast<double>(s.context.slots())})
        for (Encryptor* encryptor : {&s.symmetric, &s.encryptor}) {
          const auto values = shaped(rng, shape, s.context.slots(), size);
          EXPECT_LE(s.error(encryptor->encrypt(s.encoder, values), values), 1)
              << "N = 2^" << log_n << ", shape " << shape << " of size " << size;
          // encoded as a public operand first
          EXPECT_LE(s.error(encryptor->encrypt(s.encoder.encode(values)), values), 1)
              << "N = 2^" << log_n << ", shape " << shape << " of size " << size;
        }
  }
}

// What travels in the clear must not depend on the values.
TEST(Encryptor, BoundSaysNothingAboutTheValues) {
  Scheme s(small(8, 1));
  Rng rng(6);
  const auto zero = shaped(rng, 0, 128, 0), dense = random_slots(rng, 128);
  EXPECT_EQ(s.symmetric.encrypt(s.encoder, zero).noise,
            s.symmetric.encrypt(s.encoder, dense).noise);
  EXPECT_EQ(s.symmetric.encrypt(s.encoder.encode(zero)).noise,
            s.symmetric.encrypt(s.encoder.encode(dense)).noise);
  EXPECT_LT(s.encoder.encode(zero).noise, 0.1 * s.encoder.encode(dense).noise);
}

TEST(Encoder, DitheredRoundingIsUnbiased) {
  const Context context(small(4, 1));
  Encoder encoder(context);
  RandomStream stream(Seed{3}, 0);
  const std::vector<std::complex<double>> values(8, 0.25 * 0x1p-40);
  std::complex<double> sum = 0;
  double squares = 0;
  for (int i = 0; i < 40000; ++i) {
    const auto got = encoder.decode(encoder.encode(values, {.dither = &stream}));
    sum += got[3] * 0x1p40;
    squares += std::norm(got[3] * 0x1p40 - 0.25);
  }
  EXPECT_NEAR(std::abs(sum / 40000.0 - 0.25), 0, 0.01);
  EXPECT_NEAR(squares / 40000, 0.25 * 0.75, 0.005);  // one coefficient is not whole
}

TEST(Encoder, EncodesBeyondSixtyFourBits) {
  const Context context(small(6, 3));
  Encoder encoder(context);
  Rng rng(3);
  const auto values = random_slots(rng, 32, 1000);
  const Plaintext plain = encoder.encode(values, {.scale = 0x1p100, .bound = 1000});
  const auto back = encoder.decode(plain);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_LE(std::abs(back[i] - values[i]), 1000 * 0x1p-44);
}

TEST(Encoder, KeepsRealSlotsReal) {
  const Context context(small(6, 1));
  Encoder encoder(context);
  const std::vector<double> values{0.5, -0.25, 0, 1};
  const auto back = encoder.decode(encoder.encode(values));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_LE(std::abs(back[i] - values[i]), 0x1p-35);
}

TEST(Encoder, RefusesWithBothSides) {
  const Context context(small(6, 2));
  Encoder encoder(context);
  std::vector<double> values(32, 0.5);
  const auto error = [&](const EncodingOptions& options = {}) {
    return error_of([&] { encoder.encode(values, options); });
  };
  EXPECT_EQ(error(), "accepted");
  values[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(error().find("slot 3 holds nan"), std::string::npos) << error();
  values[3] = -std::numeric_limits<double>::infinity();
  EXPECT_NE(error().find("slot 3 holds -inf"), std::string::npos) << error();
  values[3] = 2;
  EXPECT_NE(error().find("exceeds the declared bound 1"), std::string::npos) << error();
  EXPECT_EQ(error({.bound = 2}), "accepted");
  EXPECT_NE(
      error({.level = 0, .scale = 0x1p48, .bound = 2}).find("overflow the 50.0 bits of level 0"),
      std::string::npos)
      << error({.level = 0, .scale = 0x1p48, .bound = 2});
  EXPECT_NE(error({.level = 3}).find("level 3 is above the 2"), std::string::npos);
  EXPECT_NE(error({.level = -5}).find("level -5 is negative"), std::string::npos);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bound : {nan, -1.0, std::numeric_limits<double>::infinity()})
    EXPECT_NE(error({.bound = bound}).find("declared bound"), std::string::npos) << bound;
  for (const double scale : {nan, -1.0, std::numeric_limits<double>::infinity()})
    EXPECT_NE(error({.scale = scale, .bound = 2}).find("scale"), std::string::npos) << scale;
  EXPECT_NE(error({.scale = 0.5, .bound = 2}).find("scale 0.5"), std::string::npos);
  values.resize(31);
  EXPECT_NE(error().find("31 values are not a power of two"), std::string::npos);
  values.assign(64, 0);
  EXPECT_NE(error().find("64 values are not a power of two up to the 32 slots"), std::string::npos);
  const Context other(small(6, 3));
  const std::vector<double> fine(32, 0.5);
  EXPECT_NE(error_of([&] {
              encoder.decode(Encoder(other).encode(fine));
            }).find("the plaintext belongs to parameters "),
            std::string::npos);
}

TEST(Encoder, RefusesWhatDoublesCannotHold) {
  const Context context(small(4, 60));
  Encoder encoder(context);
  const std::vector<double> values(8, 1e200);
  const std::string error =
      error_of([&] { encoder.encode(values, {.scale = 0x1p1000, .bound = 1e200}); });
  EXPECT_NE(error.find("at scale 2^1000.00"), std::string::npos) << error;
}

TEST(Context, RefusesWhatIsOutOfRangeOrInsecure) {
  const auto error = [](auto change) {
    Params params;
    change(params);
    return error_of([&] { Context context(params); });
  };
  EXPECT_NE(error([](Params& p) { p.log_n = 3; }).find("log_n 3 is not between 4 and 17"),
            std::string::npos);
  EXPECT_NE(error([](Params& p) { p.levels = 61; }).find("levels 61"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.scale_bits = 50; }).find("scale_bits 50"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.first_bits = 30; }).find("first_bits 30"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.digits = 0; }).find("digits 0"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.security = 100; }).find("security 100"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.magnitude = -1; }).find("magnitude -1"), std::string::npos);
  const std::string insecure = error([](Params& p) { p.log_n = 14; });
  EXPECT_NE(insecure.find("exceeds the 430 bits of N = 2^14 at 128 bits of classical security"),
            std::string::npos)
      << insecure;
  EXPECT_NE(insecure.find("special primes counted"), std::string::npos);
  // The special primes decide: the chain alone would fit.
  const std::string counted = error([](Params& p) {
    p.log_n = 13;
    p.levels = 3;
    p.digits = 1;
  });
  EXPECT_NE(counted.find("exceeds the 214"), std::string::npos) << counted;
  EXPECT_NE(error([](Params& p) {
              p.log_n = 4;
              p.levels = 1;
            }).find("exceeds the 0 bits"),
            std::string::npos);
}

TEST(Context, SaysOnEachUseThatASetIsInsecure) {
  std::ostringstream out;
  Log log(out, LogLevel::warning, false);
  const auto said = [&](const char* what) {
    const std::string text = out.str();
    out.str("");
    return text.find(what) != std::string::npos &&
           text.find("INSECURE parameters, for tests only") != std::string::npos;
  };
  const Context context(small(5, 1), best_kernels(), &log);
  EXPECT_TRUE(said("these parameters"));
  KeyGenerator generator(context);
  const SecretKey secret = generator.secret_key();
  EXPECT_TRUE(said("secret key"));
  const PublicKey public_key = generator.public_key(secret);
  EXPECT_TRUE(said("public key"));
  generator.rotation_key(secret, 1);
  EXPECT_TRUE(said("rotation key"));
  generator.relinearization_key(secret);
  EXPECT_TRUE(said("relinearization key"));
  Encoder encoder(context);
  const Ciphertext c =
      Encryptor(context, public_key).encrypt(encoder.encode(std::vector<double>(16, 0.5)));
  EXPECT_TRUE(said("encrypt"));
  Decryptor(context, secret).decrypt(c);
  EXPECT_TRUE(said("decrypt"));
  // A secure set says nothing, test flag or not.
  Params secure;
  secure.log_n = 13;
  secure.levels = 1;
  secure.insecure_for_tests = true;
  const Context fine(secure, best_kernels(), &log);
  EXPECT_TRUE(fine.secure());
  EXPECT_EQ(out.str(), "");
}

// Untransformed and transformed later, it is what encode() gives; what repeats is held once.
TEST(Encoder, RoundsNowAndTransformsLater) {
  Scheme s(small(8, 2));
  Rng rng(31);
  for (const std::size_t slots : {128u, 64u, 1u})
    for (const double scale : {0.0, 0x1p30, 0x1p100}) {
      const std::vector<std::complex<double>> values = random_slots(rng, slots);
      const EncodingOptions options{.scale = scale, .bound = 2, .extended = true};
      Rounded rounded;
      s.encoder.round(values, options, rounded);
      EXPECT_EQ(rounded.bytes(), 2 * slots * sizeof(double));
      const Plaintext want = s.encoder.encode(values, options);
      Plaintext got;
      expand(s.context, rounded, got);
      EXPECT_EQ(got.poly, want.poly);
      EXPECT_EQ(got.noise, want.noise);
      EXPECT_NO_THROW(require(s.context, got, "test"));
      Poly limb(1, s.context.n());
      expand(s.context, rounded, 3, limb.limb(0));
      EXPECT_TRUE(std::equal(limb.limb(0), limb.limb(0) + s.context.n(), want.poly.limb(3)));
    }
  std::vector<std::complex<double>> repeated(128);
  for (std::size_t i = 0; i < 128; ++i) repeated[i] = static_cast<double>(i % 4);
  Rounded rounded;
  s.encoder.round(repeated, {.bound = 3}, rounded);
  EXPECT_EQ(rounded.coefficients.size(), 8u);
  Plaintext got;
  expand(s.context, rounded, got);
  EXPECT_EQ(got.poly, s.encoder.encode(repeated, {.bound = 3}).poly);
  Encoder claims(s.context, RoundingClaim::largest);
  claims.round(repeated, {.bound = 3}, rounded);
  EXPECT_EQ(rounded.coefficients.size(), 256u);  // it stands for values that need not repeat
}

}  // namespace
}  // namespace pliant::ckks
