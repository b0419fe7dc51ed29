// A context with keys and everything else a test of the scheme wants, from fixed seeds.
#pragma once

#include "machine/encrypted/ckks/check.h"
#include "machine/encrypted/ckks/evaluator.h"

namespace pliant::ckks {

struct Scheme {
  explicit Scheme(const Params& params, Pool* pool = nullptr,
                  const Kernels& kernels = best_kernels())
      : context(params, kernels),
        generator(context, Seed{7}),
        secret(generator.secret_key()),
        public_key(generator.public_key(secret)),
        encoder(context),
        encryptor(context, public_key, Seed{8}),
        symmetric(context, secret, Seed{9}),
        decryptor(context, secret),
        evaluator(context, pool) {
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

  Context context;
  KeyGenerator generator;
  SecretKey secret;
  PublicKey public_key;
  Encoder encoder;
  Encryptor encryptor, symmetric;
  Decryptor decryptor;
  Evaluator evaluator;
  KeySet keys;
};

template <typename F>
std::vector<std::complex<double>> map(const std::vector<std::complex<double>>& a, const F& f) {
  std::vector<std::complex<double>> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = f(i);
  return result;
}

}  // namespace pliant::ckks
