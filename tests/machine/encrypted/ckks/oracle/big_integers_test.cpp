// A separate implementation on big integers: polynomials modulo X^N + 1 with coefficients modulo
// the whole Q. It recomposes the engine's residues, transforms back by its own schoolbook
// evaluation, multiplies by FLINT, and divides, switches keys and decrypts by its own code.
#include <flint/fmpz_poly.h>
#include <gmpxx.h>
#include <gtest/gtest.h>

#include <cmath>

#include "machine/encrypted/ckks/ring/ntt.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

using Big = std::vector<mpz_class>;  // coefficients

mpz_class big(u64 x) {
  mpz_class r;
  mpz_import(r.get_mpz_t(), 1, 1, sizeof x, 0, 0, &x);
  return r;
}

mpz_class mod(const mpz_class& x, const mpz_class& m) {
  mpz_class r;
  mpz_fdiv_r(r.get_mpz_t(), x.get_mpz_t(), m.get_mpz_t());
  return r;
}

mpz_class centred(const mpz_class& x, const mpz_class& m) {
  mpz_class r = mod(x, m);
  return 2 * r > m ? mpz_class(r - m) : r;
}

mpz_class round_divide(const mpz_class& x, const mpz_class& d) {  // to nearest
  mpz_class r;
  mpz_fdiv_q(r.get_mpz_t(), mpz_class(2 * x + d).get_mpz_t(), mpz_class(2 * d).get_mpz_t());
  return r;
}

class Oracle {
 public:
  explicit Oracle(const Context& context) : context_(context), n_(context.n()) {}

  mpz_class q(int level) const {
    mpz_class product = 1;
    for (int i = 0; i <= level; ++i) product *= big(context_.q(i).mod.q);
    return product;
  }
  mpz_class p() const {
    mpz_class product = 1;
    for (std::size_t i = 0; i < context_.special(); ++i) product *= big(context_.p(i).mod.q);
    return product;
  }

  // Coefficients of a transformed limb, by the inverse sum over the points psi^(2 bitrev(i) + 1).
  std::vector<u64> coefficients(const u64* limb, const NttTable& table) const {
    const u64 q = table.mod.q, psi = table.w[n_ / 2];
    std::vector<u64> powers(2 * n_), result(n_);
    powers[0] = 1;
    for (std::size_t i = 1; i < 2 * n_; ++i)
      powers[i] = static_cast<u64>(static_cast<u128>(powers[i - 1]) * psi % q);
    std::vector<std::size_t> points(n_);
    for (std::size_t i = 0; i < n_; ++i)
      points[i] = 2 * bit_reverse(static_cast<std::uint32_t>(i), table.log_n) + 1;
    for (std::size_t k = 0; k < n_; ++k) {
      u128 wide = 0;  // N products of 100 bits
      for (std::size_t i = 0; i < n_; ++i)
        wide += static_cast<u128>(limb[i]) * powers[(2 * n_ - points[i] * k % (2 * n_)) % (2 * n_)];
      const u64 sum = static_cast<u64>(wide % q);
      mpz_class value = big(sum), inverse;
      const mpz_class modulus = big(q), size = big(n_);
      mpz_invert(inverse.get_mpz_t(), size.get_mpz_t(), modulus.get_mpz_t());
      result[k] = mod(value * inverse, modulus).get_ui();
    }
    return result;
  }

  // The centred polynomial whose residues these are: Chinese remainders over the limbs in `use`.
  Big recompose(const Poly& poly, int level, std::size_t limbs) const {
    mpz_class product = 1;
    for (std::size_t i = 0; i < limbs; ++i) product *= big(context_.extended(level, i).mod.q);
    Big result(n_);
    for (std::size_t i = 0; i < limbs; ++i) {
      const mpz_class prime = big(context_.extended(level, i).mod.q), rest = product / prime;
      mpz_class inverse;
      mpz_invert(inverse.get_mpz_t(), rest.get_mpz_t(), prime.get_mpz_t());
      const std::vector<u64> residues = coefficients(poly.limb(i), context_.extended(level, i));
      for (std::size_t k = 0; k < n_; ++k) result[k] += big(residues[k]) * inverse * rest;
    }
    for (mpz_class& c : result) c = centred(c, product);
    return result;
  }
  Big recompose(const Poly& poly) const {
    return recompose(poly, static_cast<int>(poly.limbs()) - 1, poly.limbs());
  }

  Big multiply(const Big& a, const Big& b) const {  // negacyclic
    fmpz_poly_t left, right;
    fmpz_poly_init(left);
    fmpz_poly_init(right);
    for (std::size_t i = 0; i < n_; ++i) {
      fmpz_poly_set_coeff_mpz(left, static_cast<slong>(i), a[i].get_mpz_t());
      fmpz_poly_set_coeff_mpz(right, static_cast<slong>(i), b[i].get_mpz_t());
    }
    fmpz_poly_mul(left, left, right);
    Big result(n_);
    for (std::size_t i = 0; i < 2 * n_; ++i) {
      mpz_class c;
      fmpz_poly_get_coeff_mpz(c.get_mpz_t(), left, static_cast<slong>(i));
      if (i < n_) result[i] += c;
      else result[i - n_] -= c;
    }
    fmpz_poly_clear(left);
    fmpz_poly_clear(right);
    return result;
  }

  Big automorphism(const Big& a, std::uint32_t galois) const {
    Big result(n_);
    for (std::size_t k = 0; k < n_; ++k) {
      const std::size_t at = k * galois % (2 * n_);
      if (at < n_) result[at] = a[k];
      else result[at - n_] = -a[k];
    }
    return result;
  }

  Big secret(const SecretKey& key) const {
    Big result;
    for (const std::int64_t c : key.coefficients(context_))
      result.emplace_back(static_cast<long>(c));
    return result;
  }

  // c0 + c1 s + c2 s^2 modulo Q, centred.
  Big decrypt(const std::vector<Big>& parts, const Big& s, int level) const {
    Big sum = parts.back();
    for (std::size_t i = parts.size() - 1; i-- > 0;) {
      sum = multiply(sum, s);
      for (std::size_t k = 0; k < n_; ++k) sum[k] += parts[i][k];
    }
    for (mpz_class& c : sum) c = centred(c, q(level));
    return sum;
  }
  Big decrypt(const Ciphertext& c, const Big& s) const {
    std::vector<Big> parts;
    for (int i = 0; i < c.size; ++i) parts.push_back(recompose(c.part[i]));
    return decrypt(parts, s, c.level);
  }

  void reduce(Big& a, const mpz_class& m) const {
    for (mpz_class& c : a) c = centred(c, m);
  }
  std::size_t n() const { return n_; }

 private:
  const Context& context_;
  std::size_t n_;
};

// The largest difference of two polynomials modulo m.
mpz_class distance(const Big& a, const Big& b, const mpz_class& m) {
  mpz_class worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    worst = std::max(worst, mpz_class(abs(centred(a[k] - b[k], m))));
  return worst;
}

struct Ring {
  int log_n, levels, digits;
};

class WithRing : public testing::TestWithParam<Ring> {
 protected:
  WithRing()
      : s(small(GetParam().log_n, GetParam().levels, 40, GetParam().digits)),
        oracle(s.context),
        secret(oracle.secret(s.secret)) {
    Rng rng(1);
    x = random_slots(rng, s.context.slots());
    y = random_slots(rng, s.context.slots());
  }
  Scheme s;
  Oracle oracle;
  Big secret;
  std::vector<std::complex<double>> x, y;
};

TEST_P(WithRing, EncodesWhatTheSumOverSlotsSays) {
  const Plaintext plain = s.encoder.encode(x);
  const Big got = oracle.recompose(plain.poly);
  const std::size_t n = oracle.n();
  for (std::size_t k = 0; k < n; ++k) {  // scale (2/N) sum Re(z_j conj(zeta^(5^j k)))
    long double sum = 0;
    std::size_t five = 1;
    for (std::size_t j = 0; j < n / 2; ++j, five = five * 5 % (2 * n)) {
      const long double angle = std::acos(-1.0L) * static_cast<long double>(five * k % (2 * n)) /
                                static_cast<long double>(n);
      sum += x[j].real() * std::cos(angle) + x[j].imag() * std::sin(angle);
    }
    EXPECT_LE(std::abs(got[k].get_d() -
                       static_cast<double>(plain.scale * 2 * sum / static_cast<long double>(n))),
              0.6);
  }
}

TEST_P(WithRing, DecryptsWhatWasEncrypted) {
  for (Encryptor* encryptor : {&s.encryptor, &s.symmetric}) {
    const Plaintext plain = s.encoder.encode(x);
    const Ciphertext c = encryptor->encrypt(plain);
    const mpz_class error =
        distance(oracle.decrypt(c, secret), oracle.recompose(plain.poly), oracle.q(c.level));
    EXPECT_LE(error.get_d(), c.noise);
    EXPECT_GT(error, 0);  // there is noise
    // The engine's own decryption is the same polynomial.
    EXPECT_EQ(distance(oracle.recompose(s.decryptor.decrypt(c).poly), oracle.decrypt(c, secret),
                       oracle.q(c.level)),
              0);
  }
}

TEST_P(WithRing, MultipliesExactly) {
  const Ciphertext a = s.encrypt(x), b = s.encrypt(y);
  Ciphertext c;
  s.evaluator.multiply(a, b, c);
  const Big a0 = oracle.recompose(a.part[0]), a1 = oracle.recompose(a.part[1]);
  const Big b0 = oracle.recompose(b.part[0]), b1 = oracle.recompose(b.part[1]);
  const mpz_class q = oracle.q(a.level);
  EXPECT_EQ(distance(oracle.recompose(c.part[0]), oracle.multiply(a0, b0), q), 0);
  EXPECT_EQ(distance(oracle.recompose(c.part[2]), oracle.multiply(a1, b1), q), 0);
  Big middle = oracle.multiply(a0, b1);
  const Big other = oracle.multiply(a1, b0);
  for (std::size_t k = 0; k < middle.size(); ++k) middle[k] += other[k];
  EXPECT_EQ(distance(oracle.recompose(c.part[1]), middle, q), 0);
}

TEST_P(WithRing, RescalesByCentredRounding) {
  const Ciphertext a = s.encrypt(x);
  Poly in = a.part[1].copy(), out;
  s.evaluator.stages().rescale(in, a.level, out);
  Big want = oracle.recompose(a.part[1]);
  for (mpz_class& c : want) c = round_divide(c, big(s.context.q(a.level).mod.q));
  EXPECT_EQ(distance(oracle.recompose(out), want, oracle.q(a.level - 1)), 0);
}

TEST_P(WithRing, RaisesToCentredDigits) {
  const Ciphertext a = s.encrypt(x);
  Raised raised;
  s.evaluator.raise(a, raised);
  const Big whole = oracle.recompose(a.part[1]);
  for (std::size_t d = 0; d < s.context.level(a.level).digits.size(); ++d) {
    const Digit& digit = s.context.level(a.level).digits[d];
    mpz_class product = 1;
    for (std::size_t i = digit.first; i < digit.first + digit.count; ++i)
      product *= big(s.context.modulus(i).q);
    Big want = whole;
    oracle.reduce(want, product);
    const Big got = oracle.recompose(raised.digits[d], a.level, raised.digits[d].limbs());
    EXPECT_EQ(distance(got, want, oracle.q(a.level) * oracle.p()), 0);
  }
}

TEST_P(WithRing, DividesBySpecialPrimesByCentredRounding) {
  // A random extended polynomial: a digit of a key.
  const SwitchKey key = s.generator.relinearization_key(s.secret);
  const int level = s.context.levels();
  Poly in = key.b[0].unpacked(), out;
  const Big whole = oracle.recompose(in, level, in.limbs());
  s.evaluator.stages().mod_down(in, level, out);
  Big want = whole;
  for (mpz_class& c : want) c = round_divide(c, oracle.p());
  EXPECT_EQ(distance(oracle.recompose(out), want, oracle.q(level)), 0);
  in = key.b[0].unpacked();
  s.evaluator.stages().mod_down_rescale(in, level, out);
  want = whole;
  for (mpz_class& c : want) c = round_divide(c, oracle.p() * big(s.context.q(level).mod.q));
  EXPECT_EQ(distance(oracle.recompose(out), want, oracle.q(level - 1)), 0);
}

TEST_P(WithRing, ArithmeticBeforeTheDivisionIsExact) {
  const Ciphertext a = s.encrypt(x), b = s.encrypt(y);
  const int level = a.level;
  const Plaintext plain = s.encoder.encode(y, {.extended = true});
  const mpz_class all = oracle.q(level) * oracle.p();
  const auto big_of = [&](const Poly& poly) { return oracle.recompose(poly, level, poly.limbs()); };
  Extended e, f;
  s.evaluator.extend(a, e);
  s.evaluator.extend(b, f);
  const Big factor = big_of(plain.poly);
  for (std::size_t part = 0; part < 2; ++part) {
    Big want = oracle.recompose(a.part[part]);
    for (mpz_class& c : want) c *= oracle.p();
    EXPECT_EQ(distance(big_of(e.part[part]), want, all), 0);
  }
  s.evaluator.multiply(e, plain, e);
  s.evaluator.multiply_add(f, plain, e);
  s.evaluator.add(e, e, f);
  for (std::size_t part = 0; part < 2; ++part) {
    Big sum = oracle.recompose(a.part[part]);
    const Big other = oracle.recompose(b.part[part]);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = 2 * oracle.p() * (sum[k] + other[k]);
    EXPECT_EQ(distance(big_of(f.part[part]), oracle.multiply(sum, factor), all), 0);
  }
  Poly third = f.part[1].copy();
  Ciphertext out;
  s.evaluator.finish(f, out);
  Big want = big_of(third);
  for (mpz_class& c : want) c = round_divide(centred(c, all), oracle.p());
  EXPECT_EQ(distance(oracle.recompose(out.part[1]), want, oracle.q(level)), 0);
}

TEST_P(WithRing, ConstantsAreExact) {
  const Ciphertext a = s.encrypt(x);
  Ciphertext out;
  s.evaluator.multiply(a, -0.3, out);
  const mpz_class times(std::nearbyint(-0.3 * s.context.scale(a.level)));
  for (std::size_t part = 0; part < 2; ++part) {
    Big want = oracle.recompose(a.part[part]);
    for (mpz_class& c : want) c *= times;
    EXPECT_EQ(distance(oracle.recompose(out.part[part]), want, oracle.q(a.level)), 0);
  }
  s.evaluator.add(a, -0.3, out);
  Big want = oracle.recompose(a.part[0]);
  want[0] += mpz_class(std::nearbyint(-0.3 * a.scale));
  EXPECT_EQ(distance(oracle.recompose(out.part[0]), want, oracle.q(a.level)), 0);
  EXPECT_EQ(distance(oracle.recompose(out.part[1]), oracle.recompose(a.part[1]), oracle.q(a.level)),
            0);
}

TEST_P(WithRing, SwitchesKeysAsTheBigIntegersDo) {
  const int level = s.context.levels();
  const SwitchKey& key = s.keys.find(s.context, 0, level);
  const mpz_class q = oracle.q(level), p = oracle.p();
  // The key itself: b + a s = P [digit] s^2 + e with a small e.
  const Big square = oracle.multiply(secret, secret);
  std::vector<Big> key_a, key_b;
  for (std::size_t d = 0; d < key.b.size(); ++d) {
    const Digit& digit = s.context.level(level).digits[d];
    key_a.push_back(oracle.recompose(key.a[d].unpacked(), level, key.a[d].limbs()));
    key_b.push_back(oracle.recompose(key.b[d].unpacked(), level, key.b[d].limbs()));
    mpz_class product = 1, inverse;
    for (std::size_t i = digit.first; i < digit.first + digit.count; ++i)
      product *= big(s.context.modulus(i).q);
    const mpz_class rest = q / product;
    mpz_invert(inverse.get_mpz_t(), rest.get_mpz_t(), product.get_mpz_t());
    Big want = square, got = oracle.multiply(key_a[d], secret);
    for (mpz_class& c : want) c *= p * rest * inverse;
    for (std::size_t k = 0; k < got.size(); ++k) got[k] += key_b[d][k];
    EXPECT_LE(distance(got, want, q * p), 21);
  }
  // The whole switch of a product's third part, coefficient by coefficient.
  Ciphertext c, d;
  s.evaluator.multiply(s.encrypt(x), s.encrypt(y), c);
  s.evaluator.relinearize(c, s.keys, d);
  const Big third = oracle.recompose(c.part[2]);
  Big sum0(oracle.n()), sum1(oracle.n());
  for (std::size_t i = 0; i < key.b.size(); ++i) {
    const Digit& digit = s.context.level(level).digits[i];
    mpz_class product = 1;
    for (std::size_t j = digit.first; j < digit.first + digit.count; ++j)
      product *= big(s.context.modulus(j).q);
    Big part = third;
    oracle.reduce(part, product);
    const Big with_b = oracle.multiply(part, key_b[i]), with_a = oracle.multiply(part, key_a[i]);
    for (std::size_t k = 0; k < oracle.n(); ++k) {
      sum0[k] += with_b[k];
      sum1[k] += with_a[k];
    }
  }
  const Big c0 = oracle.recompose(c.part[0]), c1 = oracle.recompose(c.part[1]);
  for (std::size_t k = 0; k < oracle.n(); ++k) {
    sum0[k] = round_divide(centred(sum0[k], q * p), p) + c0[k];
    sum1[k] = round_divide(centred(sum1[k], q * p), p) + c1[k];
  }
  EXPECT_EQ(distance(oracle.recompose(d.part[0]), sum0, q), 0);
  EXPECT_EQ(distance(oracle.recompose(d.part[1]), sum1, q), 0);
  // And its meaning.
  EXPECT_LE(distance(oracle.decrypt(d, secret), oracle.decrypt(c, secret), q).get_d(),
            d.noise - c.noise);
}

TEST_P(WithRing, RotatesByTheAutomorphism) {
  s.rotations({1});
  const Ciphertext a = s.encrypt(x);
  Ciphertext b;
  const mpz_class q = oracle.q(a.level);
  s.evaluator.rotate(a, 1, s.keys, b);
  EXPECT_LE(
      distance(oracle.decrypt(b, secret), oracle.automorphism(oracle.decrypt(a, secret), 5), q)
          .get_d(),
      b.noise - a.noise);
  s.evaluator.conjugate(a, s.keys, b);
  const auto last = static_cast<std::uint32_t>(2 * oracle.n() - 1);
  EXPECT_LE(
      distance(oracle.decrypt(b, secret), oracle.automorphism(oracle.decrypt(a, secret), last), q)
          .get_d(),
      b.noise - a.noise);
}

// Every ring and every number of digits, fewer of both together where the quadratic oracle is slow.
std::vector<Ring> rings() {
  std::vector<Ring> all{{4, 1, 3}, {5, 3, 3}};
  for (int digits = 1; digits <= 8; ++digits) all.push_back({4, 7, digits});
  for (const int digits : {1, 2, 4, 8}) all.push_back({5, 7, digits});
  for (const int digits : {1, 3, 6}) all.push_back({6, 5, digits});
  for (const int digits : {2, 5, 7}) all.push_back({7, 6, digits});
  for (const int digits : {3, 8}) all.push_back({8, 7, digits});
  for (const int digits : {1, 5}) all.push_back({9, digits, digits});
  for (const int digits : {1, 2}) all.push_back({10, digits, digits});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Rings, WithRing, testing::ValuesIn(rings()), [](const auto& info) {
  return "N" + std::to_string(1 << info.param.log_n) + "Levels" +
         std::to_string(info.param.levels) + "Digits" + std::to_string(info.param.digits);
});

}  // namespace
}  // namespace pliant::ckks
