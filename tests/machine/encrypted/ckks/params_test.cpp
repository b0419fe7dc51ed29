// Parameters before any context has checked them.
#include "machine/encrypted/ckks/context/params.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/context/context.h"
#include "machine/encrypted/ckks/context/encoder.h"
#include "machine/encrypted/ckks/keys/keys.h"

namespace pliant::ckks {
namespace {

// Values of each field that no context takes, with what the error says.
struct Broken {
  Params params;
  std::string says;
};
std::vector<Broken> broken() {
  std::vector<Broken> sets;
  const auto add = [&](int Params::*field, const char* name, std::initializer_list<int> values) {
    for (const int value : values) {
      Broken one{{}, fmt::format("{} {} is not", name, value)};
      one.params.*field = value;
      sets.push_back(one);
    }
  };
  add(&Params::log_n, "log_n", {-1, 0, 3, 18, 63, 64, 256});
  add(&Params::levels, "levels", {-2, -1, 61, 1 << 30});
  add(&Params::scale_bits, "scale_bits", {-40, 0, 19, 50, 200});
  add(&Params::first_bits, "first_bits", {-1, 0, 39, 51, 64, 200});
  add(&Params::digits, "digits", {-1, 0, 1 << 20});
  add(&Params::security, "security", {0, 127, 1 << 30});
  for (const double magnitude : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    Broken one{{}, fmt::format("magnitude {} is not", magnitude)};
    one.params.magnitude = magnitude;
    sets.push_back(one);
  }
  return sets;
}

TEST(Params, HashOfUncheckedOnesNeitherDividesByZeroNorShiftsTooFar) {
  for (const Broken& one : broken())
    EXPECT_NE(error_of([&] { hash(one.params); }).find(one.says), std::string::npos) << one.says;
  EXPECT_EQ(hash(Params{}), hash(Params{}));
}

TEST(Params, AFileOfImpossibleOnesIsRefused) {
  for (const Broken& one : broken()) {
    const std::string error = error_of([&] { parse_params(serialize(one.params), true); });
    EXPECT_NE(error, "accepted") << one.says;
  }
  Params no_digits;
  no_digits.digits = 0;
  const std::string error = error_of([&] { parse_params(serialize(no_digits)); });
  EXPECT_NE(error.find("digits 0 is not between"), std::string::npos) << error;
}

TEST(Params, OnlyMinusOneMeansTheTopLevel) {
  const Context context(small(4, 2));
  Encoder encoder(context);
  KeyGenerator generator(context, Seed{1});
  const SecretKey secret = generator.secret_key();
  const std::vector<double> values(8, 0.5);
  EXPECT_EQ(encoder.encode(values, {.level = -1}).level, 2);
  EXPECT_EQ(generator.rotation_key(secret, 1, -1).level, 2);
  for (const int level : {-5, -2, 3, 1 << 30}) {
    const std::string says = fmt::format("level {} is", level);
    for (const std::string& error :
         {error_of([&] { encoder.encode(values, {.level = level}); }),
          error_of([&] { generator.rotation_key(secret, 1, level); }),
          error_of([&] { generator.conjugation_key(secret, level); }),
          error_of([&] { generator.relinearization_key(secret, level); })})
      EXPECT_NE(error.find(says), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace pliant::ckks
