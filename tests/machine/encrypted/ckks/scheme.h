// Keys and everything else a test of the scheme wants, from fixed seeds; with a context of its own.
#pragma once

#include "machine/encrypted/ckks/evaluator.h"
#include "machine/encrypted/ckks/keys/decryptor.h"
#include "machine/encrypted/ckks/sets.h"

namespace pliant::ckks {

struct Keys {
  explicit Keys(const Context& of, ThreadPool* pool = nullptr, const Seed& seed = Seed{7})
      : context(of),
        generator(of, seed),
        secret(generator.secret_key()),
        public_key(generator.public_key(secret)),
        encoder(of),
        encryptor(of, public_key, beside(seed, 1)),
        symmetric(of, secret, beside(seed, 2)),
        decryptor(of, secret),
        evaluator(of, pool) {
    keys.add(generator.relinearization_key(secret));
    keys.add(generator.conjugation_key(secret));
  }

  void rotations(std::initializer_list<int> steps) {
    for (const int s : steps) keys.add(generator.rotation_key(secret, s));
  }
  Ciphertext encrypt(const std::vector<std::complex<double>>& values, int level = -1) {
    return encryptor.encrypt(encoder, values, {.level = level});
  }
  std::vector<std::complex<double>> decrypt(const Ciphertext& c) {
    return encoder.decode(decryptor.decrypt(c));
  }

  // The largest error against `want`, in units of the carried bound: at most 1.
  double error(const Ciphertext& c, const std::vector<std::complex<double>>& want) {
    const auto got = decrypt(c);
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(got[i] - want[i]));
    return worst / c.error();
  }

  static Seed beside(Seed seed, std::uint8_t last) {
    seed.back() = last;
    return seed;
  }

  const Context& context;
  KeyGenerator generator;
  SecretKey secret;
  PublicKey public_key;
  Encoder encoder;
  Encryptor encryptor, symmetric;
  Decryptor decryptor;
  Evaluator evaluator;
  KeySet keys;
};

struct OwnContext {
  Context own;
};

struct Scheme : private OwnContext, Keys {
  explicit Scheme(const Params& params, ThreadPool* pool = nullptr,
                  const Kernels& kernels = best_kernels())
      : OwnContext{Context(params, kernels)}, Keys(own, pool) {}
};

template <typename F>
std::vector<std::complex<double>> map(const std::vector<std::complex<double>>& a, const F& f) {
  std::vector<std::complex<double>> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = f(i);
  return result;
}

}  // namespace pliant::ckks
