// No block of memory goes back to the allocator with a secret in it.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <functional>

#include "allocations.h"
#include "core/error.h"
#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

// Words that only a copy of the secret key, of its square or its image can hold.
std::array<std::uint64_t, 3> telltale{};

// A copy of the key, or a row of small numbers of both signs: samples.
bool holds_secret(std::span<const std::uint64_t> block) {
  std::size_t row = 0, negative = 0, positive = 0;
  for (const std::uint64_t word : block) {
    for (const std::uint64_t told : telltale)
      if (word == told) return true;
    const auto value = static_cast<std::int64_t>(word);
    if (value < -21 || value > 21) {
      row = negative = positive = 0;
      continue;
    }
    ++row;
    negative += value < 0 ? 1 : 0;
    positive += value > 0 ? 1 : 0;
    if (row >= 16 && negative > 2 && positive > 2) return true;
  }
  return false;
}

// A message of few bits, so that transforms and scales change its exponent only.
constexpr double kMessage = 0x1.2345p-2;
constexpr std::uint64_t kMantissa = (std::uint64_t{1} << 52) - 1;
bool holds_message(std::span<const std::uint64_t> block) {
  for (const std::uint64_t word : block)
    if ((word & kMantissa) == (std::bit_cast<std::uint64_t>(kMessage) & kMantissa)) return true;
  return false;
}

class Wiping : public testing::Test {
 protected:
  Wiping() : s(small(6, 2)) {}
  void SetUp() override {
    if (!counts_allocations()) GTEST_SKIP() << "a sanitizer brings its own allocator";
    const u64 word = s.secret.poly().limb(0)[0];
    telltale = {word, multiply(word, word, s.context.modulus(0)), s.secret.poly().limb(1)[0]};
  }
  ~Wiping() override { look_at_freed(nullptr); }

  // Runs the action to its end, and again with each of its allocations failing.
  static void expect_nothing(const char* what, const std::function<void()>& action) {
    look_at_freed(&holds_secret);
    action();
    EXPECT_EQ(found_in_freed(), 0) << what;
    for (long fail = 0;; ++fail) {
      fail_allocation(fail);
      bool thrown = false;
      try {
        action();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
      fail_allocation(-1);
      EXPECT_EQ(found_in_freed(), 0) << what << " with allocation " << fail << " failing";
      if (!thrown || found_in_freed() != 0) break;
    }
    look_at_freed(nullptr);
  }

  Scheme s;
};

TEST_F(Wiping, SeesWhatIsNotWiped) {
  look_at_freed(&holds_secret);
  { const Poly copy = s.secret.poly().copy(); }
  EXPECT_EQ(found_in_freed(), 1);
  look_at_freed(&holds_secret);
  {
    RandomStream stream(Seed{3}, 0);
    std::vector<std::int64_t> values(64);
    sample_error(stream, values);
  }
  EXPECT_EQ(found_in_freed(), 1);
}

TEST_F(Wiping, MovesOfKeysWipeTheOldOne) {
  SecretKey key(s.context, s.secret.coefficients(s.context));
  SecretKey other = s.generator.secret_key();
  look_at_freed(&holds_secret);
  key = std::move(other);
  EXPECT_EQ(found_in_freed(), 0);
  EXPECT_GT(key.poly().limbs(), 0u);
}

TEST_F(Wiping, KeysLeaveNothing) {
  const auto& g = &s.generator;
  expect_nothing("secret key", [&] { g->secret_key(); });
  expect_nothing("copied secret key",
                 [&] { SecretKey(s.context, s.secret.coefficients(s.context)); });
  expect_nothing("public key", [&] { g->public_key(s.secret); });
  expect_nothing("relinearization key", [&] { g->relinearization_key(s.secret); });
  expect_nothing("rotation key", [&] { g->rotation_key(s.secret, 1); });
}

TEST_F(Wiping, FilesOfSecretKeysLeaveNothing) {
  const std::vector<std::byte> bytes = serialize(s.context, s.secret);
  expect_nothing("reading", [&] { parse_secret_key(s.context, bytes); });
  std::vector<std::byte> broken = bytes;  // the last coefficient is wrong, the hash right
  Writer out;
  out.begin(EnvelopeKind::secret_key, s.context.hash());
  for (std::size_t i = 48; i + 33 < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    out.put(std::span<const std::uint8_t>(&byte, 1));
  }
  const std::uint8_t three = 3;
  out.put(std::span<const std::uint8_t>(&three, 1));
  broken = out.seal({});
  expect_nothing("reading a broken one", [&] {
    try {
      parse_secret_key(s.context, broken);
      ADD_FAILURE() << "accepted";
    } catch (const Error&) {
    }
  });
}

TEST_F(Wiping, EncryptionAndDecryptionLeaveNothing) {
  const Plaintext plain = s.encoder.encode(std::vector<double>(32, 0.5));
  expect_nothing("public", [&] { s.encryptor.encrypt(plain); });
  expect_nothing("symmetric", [&] { s.symmetric.encrypt(plain); });
  const Ciphertext c = s.symmetric.encrypt(plain);
  expect_nothing("decryption", [&] { s.decryptor.decrypt(c); });
}

TEST_F(Wiping, EncodersForgetTheirMessages) {
  look_at_freed(&holds_message);
  {
    std::array<double, 32> values;
    values.fill(kMessage);
    Encoder encoder(s.context);
    const Plaintext plain = encoder.encode(values);
  }
  EXPECT_EQ(found_in_freed(), 0);
}

// A longer message stays behind the end of a shorter one that follows.
TEST_F(Wiping, EncodersForgetLongerMessagesToo) {
  look_at_freed(&holds_message);
  {
    std::array<std::complex<double>, 32> values;
    values.fill({0, kMessage});  // of the coefficients, one in the middle
    Encoder encoder(s.context);
    const Plaintext plain = encoder.encode(std::span<const std::complex<double>>(values));
    const Plaintext short_one = encoder.encode(std::array<double, 1>{});
  }
  EXPECT_EQ(found_in_freed(), 0);
}

}  // namespace
}  // namespace pliant::ckks
