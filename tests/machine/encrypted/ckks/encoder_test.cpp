// The encoder's round trips and refusals, and the context's.
#include "machine/encrypted/ckks/context/encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/keys/ciphertext.h"

namespace pliant::ckks {
namespace {

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
  EXPECT_NE(error({.scale = 0.5, .bound = 2}).find("scale 0.5"), std::string::npos);
  values.resize(31);
  EXPECT_NE(error().find("31 values are not a power of two"), std::string::npos);
  values.assign(64, 0);
  EXPECT_NE(error().find("64 values are not a power of two up to the 32 slots"), std::string::npos);
  const Context other(small(6, 3));
  const std::vector<double> fine(32, 0.5);
  EXPECT_NE(error_of([&] { encoder.decode(Encoder(other).encode(fine)); }).find("other parameters"),
            std::string::npos);
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
  EXPECT_NE(insecure.find("exceeds the 430 bits of N = 2^14 at 128-bit security"),
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

TEST(Context, SecurityTableFallsWithSecurityAndGrowsWithN) {
  for (int log_n = 10; log_n <= 17; ++log_n) {
    EXPECT_GT(max_modulus_bits(log_n, 128), max_modulus_bits(log_n, 192));
    EXPECT_GT(max_modulus_bits(log_n, 192), max_modulus_bits(log_n, 256));
    EXPECT_GT(max_modulus_bits(log_n, 128), 1.9 * max_modulus_bits(log_n - 1, 128));
  }
  EXPECT_EQ(max_modulus_bits(9, 128), 0);
  EXPECT_EQ(max_modulus_bits(15, 127), 0);
}

}  // namespace
}  // namespace pliant::ckks
