// The encoder against ball arithmetic, and its refusals.
#include "machine/encrypted/ckks/encoder.h"

#include <acb.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/ciphertext.h"

namespace pliant::ckks {
namespace {

constexpr slong kPrecision = 128;

// Slot j of the polynomial with real coefficients c: its value at exp(i pi 5^j / c.size()), in balls.
class Balls {
 public:
  explicit Balls(std::size_t size) : size_(size), roots_(_acb_vec_init(static_cast<slong>(2 * size))) {
    _acb_vec_unit_roots(roots_, static_cast<slong>(2 * size), static_cast<slong>(2 * size), kPrecision);
  }
  ~Balls() { _acb_vec_clear(roots_, static_cast<slong>(2 * size_)); }
  Balls(const Balls&) = delete;

  std::complex<double> slot(const std::vector<double>& coefficients, std::size_t j) {
    acb_t sum, term;
    acb_init(sum);
    acb_init(term);
    const std::size_t five = fifth(j);
    for (std::size_t k = 0; k < size_; ++k) {
      acb_set_d(term, coefficients[k]);
      acb_addmul(sum, term, roots_ + five * k % (2 * size_), kPrecision);
    }
    const std::complex<double> result = middle(sum);
    acb_clear(term);
    acb_clear(sum);
    return result;
  }

  // (2 / size) sum over j of Re(z_j conj(root^(5^j k))).
  double coefficient(const std::vector<std::complex<double>>& slots, std::size_t k) {
    acb_t sum, term;
    acb_init(sum);
    acb_init(term);
    for (std::size_t j = 0; j < slots.size(); ++j) {
      acb_set_d_d(term, slots[j].real(), slots[j].imag());
      acb_addmul(sum, term, roots_ + (2 * size_ - fifth(j) * k % (2 * size_)) % (2 * size_), kPrecision);
    }
    const double result = 2 * middle(sum).real() / static_cast<double>(size_);
    acb_clear(term);
    acb_clear(sum);
    return result;
  }

 private:
  std::size_t fifth(std::size_t j) const {
    std::size_t power = 1;
    for (; j > 0; --j) power = power * 5 % (2 * size_);
    return power;
  }
  static std::complex<double> middle(const acb_t ball) {
    return {arf_get_d(arb_midref(acb_realref(ball)), ARF_RND_NEAR),
            arf_get_d(arb_midref(acb_imagref(ball)), ARF_RND_NEAR)};
  }
  std::size_t size_;
  acb_ptr roots_;
};

TEST(Embedding, AgreesWithBallArithmetic) {
  for (const std::size_t count : {1u, 2u, 4u, 32u, 256u}) {
    const Embedding embedding(10);
    Balls balls(2 * count);
    Rng rng(count);
    const std::vector<std::complex<double>> slots = random_slots(rng, count);
    std::vector<std::complex<double>> work = slots;
    std::vector<double> coefficients(2 * count);
    embedding.to_coefficients(work, coefficients);
    const double bound = embedding.error(count);
    EXPECT_LT(bound, 0x1p-40);
    for (std::size_t k = 0; k < 2 * count; ++k)
      EXPECT_NEAR(coefficients[k], balls.coefficient(slots, k), bound) << count << " slots, coefficient " << k;
    embedding.to_slots(coefficients, work);
    for (std::size_t j = 0; j < count; ++j) {
      EXPECT_LE(std::abs(work[j] - balls.slot(coefficients, j)), bound) << count << " slots, slot " << j;
      EXPECT_LE(std::abs(work[j] - slots[j]), 2 * bound);
    }
  }
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
      for (std::size_t i = 0; i < count; ++i) EXPECT_LE(std::abs(back[i] - values[i]), plain.noise / plain.scale);
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
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_LE(std::abs(back[i] - values[i]), 1000 * 0x1p-44);
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
  const auto error = [&](const EncodeOptions& options = {}) {
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
  EXPECT_NE(error({.level = 0, .scale = 0x1p48, .bound = 2}).find("overflow the 50.0 bits of level 0"),
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
  EXPECT_NE(error_of([&] { encoder.decode(Encoder(other).encode(fine)); }).find("other parameters"), std::string::npos);
}

TEST(Context, RefusesWhatIsOutOfRangeOrInsecure) {
  const auto error = [](auto change) {
    Params params;
    change(params);
    return error_of([&] { Context context(params); });
  };
  EXPECT_NE(error([](Params& p) { p.log_n = 3; }).find("log_n 3 is not between 4 and 17"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.levels = 61; }).find("levels 61"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.scale_bits = 50; }).find("scale_bits 50"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.first_bits = 30; }).find("first_bits 30"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.digits = 0; }).find("digits 0"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.security = 100; }).find("security 100"), std::string::npos);
  EXPECT_NE(error([](Params& p) { p.magnitude = -1; }).find("magnitude -1"), std::string::npos);
  const std::string insecure = error([](Params& p) { p.log_n = 14; });
  EXPECT_NE(insecure.find("exceeds the 430 bits of N = 2^14 at 128-bit security"), std::string::npos) << insecure;
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
  const Ciphertext c = Encryptor(context, public_key).encrypt(encoder.encode(std::vector<double>(16, 0.5)));
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
