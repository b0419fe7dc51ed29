#include "machine/encrypted/ckks/file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Bytes = std::vector<std::byte>;

const std::string kText = "a shared authentication key";
const Authentication kKey{.key = std::as_bytes(std::span(kText))};

TEST(Files, RoundTrip) {
  Scheme s(small(5, 3));
  s.rotations({3});
  Rng rng(1);
  const auto x = random_slots(rng, 16);
  for (const Authentication& key : {Authentication{}, kKey}) {
    const Params params = parse_params(serialize(s.context.params()), true);
    EXPECT_EQ(params, s.context.params());
    Ciphertext product;
    s.evaluator.multiply(s.encrypt(x), s.encrypt(x), product);
    for (const Ciphertext& c :
         {s.encrypt(x, 2), s.symmetric.encrypt(s.encoder.encode(x)), product.copy()}) {
      const Ciphertext back = parse_ciphertext(s.context, serialize(c, key), key);
      for (std::size_t i = 0; i < static_cast<std::size_t>(c.size); ++i)
        EXPECT_EQ(back.part[i], c.part[i]);
      EXPECT_EQ(back.size, c.size);
      EXPECT_EQ(back.level, c.level);
      EXPECT_EQ(back.slots, c.slots);
      EXPECT_EQ(back.scale, c.scale);
      EXPECT_EQ(back.noise, c.noise);
      EXPECT_EQ(back.magnitude, c.magnitude);
      EXPECT_EQ(back.seed, c.seed);
      EXPECT_EQ(back.random.bias(), c.random.bias());
      EXPECT_TRUE(std::ranges::equal(back.random.terms(), c.random.terms()));
      EXPECT_EQ(back.random.deviation(), c.random.deviation());
    }
    const SecretKey secret = parse_secret_key(s.context, serialize(s.context, s.secret, key), key);
    EXPECT_EQ(secret.poly(), s.secret.poly());
    const PublicKey public_key = parse_public_key(s.context, serialize(s.public_key, key), key);
    EXPECT_EQ(public_key.b, s.public_key.b);
    EXPECT_EQ(public_key.a, s.public_key.a);
    for (const auto& [galois, one] : s.keys.all()) {
      const SwitchKey back = parse_switch_key(s.context, serialize(one, key), key);
      EXPECT_EQ(back.galois, galois);
      EXPECT_EQ(back.level, one.level);
      for (std::size_t d = 0; d < one.b.size(); ++d) {
        EXPECT_EQ(back.b[d], one.b[d]);
        EXPECT_EQ(back.a[d], one.a[d]);
      }
    }
  }
}

// What is known about an error keeps its size where it is too long for a file.
TEST(Files, LongErrorModelsKeepTheirSize) {
  Scheme s(small(6, 1));
  s.rotations({1, 2, 4, 8});
  Ciphertext sum = s.encrypt(std::vector<std::complex<double>>(32, 0.5)), turned;
  for (const int steps : {1, 2, 4, 8}) {
    s.evaluator.rotate(sum, steps, s.keys, turned);
    s.evaluator.add(sum, turned, sum);
  }
  EXPECT_GT(sum.random.terms().size(), 16u);
  const Ciphertext back = parse_ciphertext(s.context, serialize(sum));
  EXPECT_TRUE(back.random.terms().empty());
  EXPECT_DOUBLE_EQ(back.error_bound(), sum.error_bound());
  // Now it may be correlated with anything: the square root of a sum of squares no more.
  Ciphertext twice;
  s.evaluator.add(back, sum, twice);
  EXPECT_DOUBLE_EQ(twice.error_bound(), 2 * sum.error_bound());
}

TEST(Files, SeedsHalveSymmetricCiphertextsAndKeys) {
  Scheme s(small(8, 3));
  const std::vector<double> x(128, 0.5);
  const std::size_t whole = serialize(s.encryptor.encrypt(s.encoder.encode(x))).size();
  EXPECT_LT(static_cast<double>(serialize(s.symmetric.encrypt(s.encoder.encode(x))).size()),
            0.51 * static_cast<double>(whole));
  const SwitchKey key = s.generator.rotation_key(s.secret, 1);
  EXPECT_LT(serialize(key).size(), key.bytes() + 256);
}

TEST(Files, EveryFlippedBitIsRefused) {
  Scheme s(small(4, 1));
  const std::vector<double> x(8, 0.5);
  const std::pair<Bytes, std::function<void(const Bytes&)>> files[] = {
      {serialize(s.context.params()), [](const Bytes& b) { parse_params(b, true); }},
      {serialize(s.encryptor.encrypt(s.encoder.encode(x))),
       [&](const Bytes& b) { parse_ciphertext(s.context, b); }},
      {serialize(s.symmetric.encrypt(s.encoder.encode(x)), kKey),
       [&](const Bytes& b) { parse_ciphertext(s.context, b, kKey); }},
      {serialize(s.context, s.secret), [&](const Bytes& b) { parse_secret_key(s.context, b); }},
      {serialize(s.public_key), [&](const Bytes& b) { parse_public_key(s.context, b); }},
      {serialize(s.generator.rotation_key(s.secret, 1)),
       [&](const Bytes& b) { parse_switch_key(s.context, b); }},
  };
  for (const auto& [bytes, parse] : files) {
    EXPECT_NO_THROW(parse(bytes));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      Bytes flipped = bytes;
      flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      EXPECT_THROW(parse(flipped), Error) << "bit " << bit;
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{47}, bytes.size() - 1}) {
      EXPECT_THROW(parse(Bytes(bytes.begin(), bytes.begin() + size)), Error);
    }
  }
}

// Bytes with a right hash over wrong contents.
template <typename Fill>
Bytes forged(EnvelopeKind kind, const Hash& params, const Fill& fill,
             const Authentication& key = {}) {
  Writer out;
  out.begin(kind, params);
  fill(out);
  return out.seal(key);
}

TEST(Files, ChecksContentsUnderARightHash) {
  Scheme s(small(4, 1)), other(small(4, 2));
  const std::vector<double> x(8, 0.5);
  const auto ciphertext = [&](std::uint32_t size, std::uint32_t level, std::uint32_t slots,
                              std::uint32_t seeded, double scale,
                              const std::vector<ErrorModel::Term>& terms = {}, double bias = 0,
                              double deviation = 0) {
    return error_of([&] {
      parse_ciphertext(s.context,
                       forged(EnvelopeKind::ciphertext, s.context.hash(), [&](Writer& out) {
                         for (const std::uint32_t field : {size, level, slots, seeded})
                           out.put(field);
                         for (const double field : {scale, 1.0, 1.0, bias, deviation, 0.0, 0.0})
                           out.put(field);
                         out.put(static_cast<std::uint32_t>(terms.size()));
                         for (const ErrorModel::Term& term : terms) {
                           out.put(term.source);
                           out.put(term.offset);
                           out.put(term.amplitude);
                         }
                         const std::vector<u64> words(64, ~u64{0});
                         out.put_words(words);
                       }));
    });
  };
  says(ciphertext(4, 1, 8, 0, 2), "number of parts is 4, above 3");
  says(ciphertext(1, 1, 8, 0, 2), "1 parts");
  says(ciphertext(3, 1, 8, 1, 2), "3 parts with a seed");
  says(ciphertext(2, 2, 8, 0, 2), "level is 2, above 1");
  says(ciphertext(2, 1, 7, 0, 2), "7 slots");
  says(ciphertext(2, 1, 16, 0, 2), "number of slots is 16, above 8");
  says(ciphertext(2, 1, 8, 0, 0.5), "scale is 0.5");
  says(ciphertext(2, 1, 8, 0, std::nan("")), "scale is nan");
  says(ciphertext(2, 1, 8, 0, 2), "not below");
  says(ciphertext(2, 1, 8, 0, 2, {}, -1), "bias is -1");
  says(ciphertext(2, 1, 8, 0, 2, {}, -0.0), "bias is -0");  // would be written as 0
  says(ciphertext(2, 1, 8, 0, 2, std::vector<ErrorModel::Term>(17)),
       "number of error terms is 17, above 16");
  says(ciphertext(2, 1, 8, 0, 2, {{1, 8, 1}}), "offset is 8, above 7");
  says(ciphertext(2, 1, 8, 0, 2, {{1, 0, std::nan("")}}), "amplitude is nan");
  says(ciphertext(2, 1, 8, 0, 2, {{1, 1, 1}, {1, 1, 1}}), "not in order");
  says(ciphertext(2, 1, 8, 0, 2, {{2, 1, 1}, {1, 2, 1}}), "not in order");
  says(ciphertext(2, 1, 8, 0, 2, {{1, 1, 3}, {1, 2, 4}}, 0, 5), "not below");
  says(ciphertext(2, 1, 8, 0, 2, {{1, 1, 3}, {1, 2, 4}}, 0, 5.1), "deviation 5.1 exceeds");
  const Bytes good = serialize(s.encryptor.encrypt(s.encoder.encode(x)));
  says(error_of([&] { parse_ciphertext(other.context, good); }), "made under parameters ");
  says(error_of([&] { parse_params(serialize(s.context.params())); }), "marked insecure");
  EXPECT_EQ(parse_params(serialize(Params{})), Params{});
  says(error_of([&] { parse_public_key(s.context, good); }), "holds a ciphertext");
  says(error_of([&] { parse_ciphertext(s.context, good, kKey); }), "made with another key");
  says(error_of([&] {
         parse_ciphertext(s.context, serialize(s.encryptor.encrypt(s.encoder.encode(x)), kKey));
       }),
       "authenticated with a key");
  for (const std::size_t size : {1u, 15u, 65u}) {
    const Bytes key(size);
    const std::string want = fmt::format("{} bytes, not 16 to 64", size);
    says(error_of([&] { parse_ciphertext(s.context, good, {.key = key}); }), want);
    says(error_of([&] { serialize(s.encrypt({0.5}), {.key = key}); }), want);
  }
  const auto key_file = [&](std::uint32_t galois, std::uint32_t level) {
    return error_of([&] {
      parse_switch_key(s.context,
                       forged(EnvelopeKind::switch_key, s.context.hash(), [&](Writer& out) {
                         out.put(galois);
                         out.put(level);
                         out.put(std::span<const std::uint8_t>(Seed{}));
                       }));
    });
  };
  says(key_file(33, 1), "automorphism is 33, above 31");
  says(key_file(4, 1), "automorphism 4 is even");
  says(key_file(5, 2), "level is 2, above 1");
  says(key_file(5, 1), "the key needs");
  says(error_of([&] {
         parse_secret_key(s.context,
                          forged(EnvelopeKind::secret_key, s.context.hash(), [](Writer& out) {
                            out.put(std::span<const std::uint8_t>(Seed{1, 2, 3}.data(), 16));
                          }));
       }),
       "not -1, 0 or 1");
}

// One key on both sides proves that the other side wrote a file only if it says who did, and for
// what.
TEST(Files, AreForOnePurposeEach) {
  Scheme s(small(4, 1));
  const Ciphertext c = s.encrypt({0.5});
  const Authentication request{kKey.key, Sender::client, 77, 1, 0};
  const auto reads = [&](const Bytes& bytes, const Authentication& as) {
    return error_of([&] { parse_ciphertext(s.context, bytes, as); });
  };
  const auto answer = [&](u64 session, u64 number, std::uint32_t item) {
    return Authentication{kKey.key, Sender::server, session, number, item};
  };
  const char* const refused = "for another purpose";
  const Bytes sent = serialize(c, request), first = serialize(c, answer(77, 1, 0));
  EXPECT_EQ(reads(sent, request), "accepted");
  EXPECT_EQ(reads(first, answer(77, 1, 0)), "accepted");
  says(reads(sent, answer(77, 1, 0)), refused);   // the client's own request, handed back
  says(reads(first, request), refused);           // an answer as a request
  says(reads(first, answer(77, 2, 0)), refused);  // an old answer to a new request
  says(reads(first, answer(78, 1, 0)), refused);  // of an old session
  says(reads(first, answer(77, 1, 1)), refused);  // answers in another order
  const std::string text = "another key of enough bytes";
  Authentication other = answer(77, 1, 0);
  other.key = std::as_bytes(std::span(text));
  says(reads(first, other), refused);
}

TEST(Secrets, AreWiped) {
  Poly poly(2, 16);
  for (std::size_t i = 0; i < 32; ++i) poly.limb(0)[i] = ~u64{0};
  poly.wipe();
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(poly.limb(0)[i], 0u);
}

}  // namespace
}  // namespace pliant::ckks
