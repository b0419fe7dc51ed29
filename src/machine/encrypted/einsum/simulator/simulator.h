// A back end without keys: slots in the clear, exact, with everything checked that a scheme would
// refuse, and an estimate of the noise.
#pragma once

#include "machine/encrypted/einsum/backend/backend.h"

namespace pliant::einsum {

struct SimulatorOptions {
  std::int64_t slots = 16384;
  int levels = 10;
  int scale_bits = 40, first_bits = 50;
};

// Refuses what RNS-CKKS refuses: unequal levels, scales or parts, a product or rotation of three
// parts, a rescale at level 0, a message beyond the modulus, a rotation without its key; and,
// beyond that, a slot above the bound that the program states.
class Simulator : public Backend {
 public:
  explicit Simulator(const SimulatorOptions& options) : options_(options) {}

  std::string name() const override { return "simulator"; }
  std::int64_t slots() const override { return options_.slots; }
  int levels() const override { return options_.levels; }
  void make_keys(const KeyNeed& need) override;
  Plaintext encode(std::span<const double> values, int level, double bound) override;
  Cipher encrypt(std::span<const double> values, int level, double bound) override;
  std::vector<double> decrypt(const Cipher& a) override;
  double error(const Cipher& a) const override;  // six standard deviations
  Cipher add(const Cipher& a, const Cipher& b) override;
  Cipher add_plain(const Cipher& a, const Plaintext& b) override;
  Cipher negate(const Cipher& a) override;
  Cipher multiply(const Cipher& a, const Cipher& b) override;
  Cipher multiply_plain(const Cipher& a, const Plaintext& b) override;
  Cipher relinearize(const Cipher& a) override;
  Cipher rescale(const Cipher& a) override;
  Cipher lower(const Cipher& a, int level) override;
  Cipher rotate(const Cipher& a, std::int64_t steps) override;
  void tighten(const Cipher& a, double magnitude) override;

  // Every slot of a ciphertext, for tests of what a layout promises.
  const std::vector<double>& look(const Cipher& a) const;

 private:
  SimulatorOptions options_;
  KeyNeed keys_;
};

}  // namespace pliant::einsum
