// 5: arithmetic on encrypted numbers, each parameter explained before it is chosen.
//
//   example-05_ckks
//
// A device holds readings it must not show. It encrypts them; a server, which has no secret key,
// evaluates the polynomial x (x + 0.5) and a moving average over neighbours; the device decrypts.
// Every result is printed beside the bound that travels with the ciphertext, and the program fails
// when an error exceeds its bound.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <stdexcept>
#include <vector>

#include "core/rng.h"
#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/ckks/keys/decryptor.h"
#include "machine/encrypted/ckks/linear.h"

namespace {

using namespace pliant;
using namespace pliant::ckks;

// The largest difference to what was wanted, beside the bound.
void report(const char* what, const std::vector<double>& got, const std::vector<double>& want,
            const Ciphertext& c) {
  double error = 0;
  for (std::size_t i = 0; i < want.size(); ++i) error = std::max(error, std::abs(got[i] - want[i]));
  fmt::print("{:<28} level {}  error 2^{:6.1f}  expected at most 2^{:6.1f}\n", what, c.level,
             std::log2(error), std::log2(c.error()));
  if (error > c.error()) throw std::runtime_error("an error exceeds its bound");
}

Params choose() {
  Params params;
  // Depth: the polynomial needs one product and the average one more. Each costs a level, a prime
  // of the chain.
  params.levels = 2;
  // Precision: values become integers by a factor of 2^40. Noise takes about 2^14 of it in this
  // ring, so some 26 bits after the binary point remain.
  params.scale_bits = 40;
  // The prime that stays to the end must hold the scaled result: 50 - 40 bits leave room for values
  // up to 2^9.
  params.first_bits = 50;
  // Key switching cuts a ciphertext into digits. More digits need fewer special primes, which count
  // against security as the others do, but longer keys. Here one special prime is what the bound
  // below allows.
  params.digits = 3;
  // Readings are within [-1, 1]. The bound is declared, not measured: it travels in the clear.
  params.magnitude = 1;
  // Security decides the ring: log2(QP) = 50 + 2 * 40 + 50 = 180 bits are allowed from N = 2^13 on
  // (214 bits).
  params.log_n = 13;
  params.security = 128;
  return params;
}

void run() {
  const Context context(choose());
  fmt::print("{}\nlog2(QP) = {:.1f} of {} bits allowed; {} slots\n\n", describe(context.params()),
             context.modulus_bits(),
             max_modulus_bits(context.params().log_n, context.params().security), context.slots());

  // The device: keys. The secret key stays; what the server needs is public.
  KeyGenerator generator(context);
  const SecretKey secret = generator.secret_key();
  Rng rng(1);
  std::vector<double> readings(context.slots());
  for (double& r : readings) r = 2 * rng.uniform() - 1;

  // A moving average of three neighbours: three diagonals, the same constant in each.
  Encoder encoder(context);
  const std::vector<std::complex<double>> third(context.slots(), 1.0 / 3);
  const LinearTransform average(context, encoder, {{-1, third}, {0, third}, {1, third}},
                                {.level = 1});

  // Keys only for what the plan needs, at the levels where it needs them: a key of level 1 is
  // smaller than one of level 2.
  KeySet keys;
  keys.add(generator.relinearization_key(secret, 2));
  for (const int steps : average.rotations()) keys.add(generator.rotation_key(secret, steps, 1));
  for (const auto& [galois, key] : keys.all())
    fmt::print("key for automorphism {:<6} level {}  {:7.1f} KiB as a file\n", galois, key.level,
               static_cast<double>(serialize(key).size()) / 1024);

  // Encryption by the secret key: half of the ciphertext is the expansion of a seed, so the file is
  // half as long.
  Encryptor encryptor(context, secret);
  const std::vector<std::byte> sent = serialize(encryptor.encrypt(encoder, readings));
  fmt::print("one ciphertext                           {:7.1f} KiB as a file\n\n",
             static_cast<double>(sent.size()) / 1024);

  // The server.
  Evaluator evaluator(context);
  const Ciphertext x = parse_ciphertext(context, sent);
  const Decryptor decryptor(context, secret);  // the device's; here, to show the errors on the way
  const auto decrypt = [&](const Ciphertext& c) {
    return encoder.decode_real(decryptor.decrypt(c));
  };
  report("x", decrypt(x), readings, x);

  struct Steps {
    Ciphertext product, polynomial, average;
  };
  const auto serve = [&](const Ciphertext& in) {
    Steps steps;
    // A sum with a plaintext is free; the product of two ciphertexts has three parts and scale
    // 2^80.
    Ciphertext shifted;
    evaluator.add(in, encoder.encode(std::vector<double>(context.slots(), 0.5)), shifted);
    evaluator.multiply(in, shifted, steps.product);
    // Back to two parts, and the scale 2^80 back to 2^40: one division by the special prime and
    // the level's together.
    evaluator.relinearize_rescale(steps.product, keys, steps.polynomial);
    average.apply(steps.polynomial, evaluator, keys, steps.average);
    return steps;
  };
  const Steps steps = serve(x);
  std::vector<double> polynomial, want;
  for (const double r : readings) polynomial.push_back(r * (r + 0.5));
  report("x (x + 0.5), three parts", decrypt(steps.product), polynomial, steps.product);
  report("x (x + 0.5)", decrypt(steps.polynomial), polynomial, steps.polynomial);
  const std::size_t n = polynomial.size();
  for (std::size_t i = 0; i < n; ++i)
    want.push_back((polynomial[(i + n - 1) % n] + polynomial[i] + polynomial[(i + 1) % n]) / 3);
  report("its moving average", decrypt(steps.average), want, steps.average);

  // The device believes its own plan, not what the answer says of itself. It has rehearsed the plan
  // with zeros: no field depends on what is encrypted. An answer that differs is an error.
  const std::vector<double> zeros(context.slots());
  const Expected plan = expected(serve(encryptor.encrypt(encoder, zeros)).average);
  decryptor.decrypt(steps.average, plan);
  // What the device shows to others must be flooded, for the error of a decryption tells about the
  // secret key.
  const Plaintext shown = decryptor.decrypt(steps.average, plan, {.queries = 1, .security = 30});
  fmt::print("\nshown once, at 30 bits of security: {:.1f} bits of the values are left\n",
             std::log2(shown.bound * shown.scale / shown.noise));
  fmt::print("\nexpected: every error at most its bound\n");
}

}  // namespace

int main() try {
  run();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
