// What is called secure, what can be had of it, and what is said of the rest.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

TEST(Security, TheTableIsOfOneRun) {
  const int want[][4] = {{11, 53, 0, 0},        {12, 106, 73, 56},   {13, 214, 148, 114},
                         {14, 430, 297, 230},   {15, 868, 597, 463}, {16, 1747, 1199, 929},
                         {17, 3523, 2411, 1866}};
  for (const auto& row : want)
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(max_modulus_bits(row[0], 128 + 64 * i), row[i + 1]) << row[0] << ", " << i;
  for (const int log_n : {-1, 0, 9, 10, 18}) EXPECT_EQ(max_modulus_bits(log_n, 128), 0);
  EXPECT_EQ(max_modulus_bits(15, 127), 0);
  // The rows of the older standard at 192 and 256 bits are beyond it.
  Params params;
  params.scale_bits = 43;
  params.levels = 10;
  params.digits = 11;
  params.security = 192;
  params.log_n = 15;
  EXPECT_EQ(error_of([&] { Context context(params); }), "accepted");
  params.levels = 11;
  params.first_bits = 49;
  params.scale_bits = 46;
  params.digits = 12;
  const double bits = modulus_bits(params);
  EXPECT_GT(bits, 597);
  EXPECT_LT(bits, 611);
  EXPECT_NE(error_of([&] { Context context(params); }).find("597 bits of N = 2^15 at 192 bits"),
            std::string::npos);
}

TEST(Security, EveryRowCanBeHad) {
  for (int log_n = 11; log_n <= 17; ++log_n)
    for (const int security : {128, 192, 256}) {
      Params params;
      params.log_n = log_n;
      params.security = security;
      params.levels = 0;
      params.digits = 1;
      if (log_n < 13) params.scale_bits = params.first_bits = 20;
      const int most = max_modulus_bits(log_n, security);
      EXPECT_EQ(modulus_bits(params) <= most, most != 0) << log_n << ", " << security;
      if (most != 0 && log_n < 15) {
        EXPECT_EQ(error_of([&] { Context context(params); }), "accepted") << log_n;
      }
    }
}

// The most levels of a ring at scale 2^40 and 128 bits, whatever the digits.
int most_levels(int log_n, int from) {
  int found = -1;
  for (int levels = from; levels <= 60 && levels <= from + 1; ++levels)
    for (int digits = 1; digits <= 32 && found < levels; ++digits) {
      Params params;
      params.log_n = log_n;
      params.levels = levels;
      params.digits = digits;
      if (modulus_bits(params) <= max_modulus_bits(log_n, 128)) found = levels;
    }
  return found;
}

TEST(Security, MostLevelsOfEachRingAtScale40) {
  for (const auto& [log_n, levels] :
       {std::pair{12, 0}, {13, 2}, {14, 8}, {15, 19}, {16, 40}, {17, 60}})
    EXPECT_EQ(most_levels(log_n, levels), levels) << "N = 2^" << log_n;
}

// The seventeen levels that EinHops has, with room for their six digits.
TEST(Security, SeventeenLevelsAtTwoToTheFifteen) {
  Params params;
  params.log_n = 15;
  params.levels = 17;
  params.digits = 6;
  EXPECT_LE(modulus_bits(params), 868);
  params.digits = 20;
  params.levels = 19;
  EXPECT_LE(modulus_bits(params), 868);
}

TEST(Security, SpecialPrimesAreOfTheSizeOfTheDigit) {
  for (const int digits : {1, 3, 6, 10, 19, 32}) {
    const Params params = small(6, 18, 40, digits);
    const Context context(params);
    double largest = 0, special = 0;
    for (const Digit& digit : context.level(18).digits)
      largest = std::max(largest, std::log2(2 * digit.half));
    for (std::size_t i = 0; i < context.special(); ++i) special += std::log2(context.p(i).mod.q);
    EXPECT_GE(special, largest - 0.1) << digits;
    EXPECT_LE(special, largest + 6.1) << digits;
    EXPECT_EQ(context.special(), static_cast<std::size_t>(std::ceil(largest / 50 - 0.01)));
  }
}

// Up to one digit per prime, every switch within its bound.
TEST(Security, ManyDigitsSwitchKeys) {
  for (const int digits : {9, 16, 32}) {
    Scheme s(small(6, 20, 40, digits));
    s.rotations({1});
    Rng rng(1);
    const auto x = random_slots(rng, 32);
    for (const int level : {20, 9, 0}) {
      Ciphertext c = s.encrypt(x, level);
      s.evaluator.rotate(c, 1, s.keys, c);
      EXPECT_LE(s.error(c, map(x, [&](std::size_t i) { return x[(i + 1) % 32]; })), 1);
      EXPECT_LT(c.error(), 1e-6);
    }
  }
}

std::string said_by(const std::function<void()>& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

TEST(Security, AnInsecureSetWithoutALogIsSaidOnStandardError) {
  const std::string said = said_by([] {
    Scheme s(small(4, 1));
    s.rotations({1});
    Ciphertext c = s.encrypt({0.5});
    for (int i = 0; i < 10; ++i) s.evaluator.rotate(c, 1, s.keys, c);
  });
  EXPECT_EQ(said.find("pliant: warning: INSECURE parameters, for tests only (N 2^4"), 0u) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << "more than once: " << said;
  Params secure;
  secure.log_n = 13;
  secure.levels = 1;
  EXPECT_EQ(said_by([&] { const Context context(secure); }), "");
}

TEST(Security, EachEvaluatorSaysOnceThatASetIsInsecure) {
  std::ostringstream out;
  Log log(out, LogLevel::warning, false);
  const Context context(small(4, 1), best_kernels(), &log);
  KeyGenerator generator(context, Seed{1});
  const SecretKey secret = generator.secret_key();
  KeySet keys;
  keys.add(generator.rotation_key(secret, 1));
  Encoder encoder(context);
  Ciphertext c = Encryptor(context, secret).encrypt(encoder.encode(std::vector<double>(8, 0.5)));
  for (int i = 0; i < 2; ++i) {
    out.str("");
    Evaluator evaluator(context);
    for (int k = 0; k < 100; ++k) evaluator.rotate(c, 1, keys, c);
    const std::string text = out.str();
    EXPECT_NE(text.find("evaluator: INSECURE parameters"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  }
}

}  // namespace
}  // namespace pliant::ckks
