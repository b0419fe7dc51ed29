// Programs on our own RNS-CKKS: client and server in one process, or one of the two.
#pragma once

#include <atomic>
#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/pool.h"
#include "machine/encrypted/ckks/keys/decryptor.h"
#include "machine/encrypted/ckks/linear_map.h"
#include "machine/encrypted/einsum/backend/backend.h"
#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

// The smallest parameters that hold the plan at this security: the ring, then the digits of key
// switching, fewest first. Throws Error{unsupported} naming levels and bits where no ring does.
ckks::Params choose_parameters(const Plan& plan, int scale_bits = 40, int first_bits = 50,
                               int security = 128);

// What the keys take in memory, both halves, before they are made.
std::size_t key_bytes(const ckks::Context& context, const KeyNeed& need);
// The same of those at most at once, in a run that has each from its first to its last use only.
std::size_t resident_key_bytes(const ckks::Context& context, const Program& program);
// What plaintexts take at most at once in a run that was not prepared: those of one step.
std::size_t plaintext_bytes(const ckks::Context& context, const Program& program);

// Where evaluation keys are that an engine does not hold.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // The highest that it has a key of this automorphism for; -1: it has none.
  virtual int level(std::uint32_t galois) const = 0;
  virtual ckks::SwitchKey load(std::uint32_t galois) const = 0;  // of that level
};

// The keys that an engine is given. Without the secret one it neither decrypts nor makes keys, and
// encrypts with the public one only.
struct EngineKeys {
  std::optional<ckks::SecretKey> secret = {};
  std::optional<ckks::PublicKey> encryption = {};
  ckks::KeySet evaluation = {};
  std::shared_ptr<const KeySource> source = {};  // of all keys that `evaluation` lacks
};

// What the client knows of a result before it comes (ckks/keys/decryptor.h), and what is done with
// it.
struct Expectation {
  ckks::Expected plan;
  double error_bound = 0;  // of every decrypted slot
  std::optional<ckks::Flooding> flooding = {};
};

struct EngineOptions {
  std::optional<ckks::Seed> seed_of_test = {};  // makes keys and ciphertexts repeatable
  // Operands in the clear stand for any within their bounds: what is then said of results holds for
  // whatever the evaluating side has.
  bool rehearsal = false;
  bool public_encryption = false;  // makes a public key, and encrypts with it
  // Of all prepared diagonals that are held transformed; others are transformed in every run.
  std::size_t expanded_bytes = ckks::kExpandedBytes;
  // With the secret key: make_keys() makes none, load_keys() each when a run comes to it.
  bool keys_on_use = false;
  ThreadPool* pool = nullptr;  // both must outlive the engine
  Log* log = nullptr;          // for warnings; null: standard error
};

// Makes its secret key unless it is given its keys; others come by make_keys(). Ciphertexts are
// encrypted under the secret key (less noise than under a public one) unless there is a public one.
// Keys of a source, or made on use, are held from load_keys() to free_keys(), all others for good.
// `slots` may be fewer than the ring has: the rest repeats them.
class Engine : public Backend {
 public:
  // Throws what ckks::Context does, Error{usage} for slots that do not suit the ring.
  Engine(const ckks::Params& params, std::int64_t slots, const EngineOptions& options = {});

  // The same, and Error{invalid} for keys of other parameters.
  Engine(std::shared_ptr<const ckks::Context> context, std::int64_t slots, EngineKeys keys,
         const EngineOptions& options = {});

  std::string name() const override;
  std::int64_t slots() const override { return slots_; }
  int levels() const override { return context_.levels(); }
  void make_keys(const KeyNeed& need) override;  // without the secret key they must be there
  void load_keys(const KeyNeed& need) override;
  void free_keys(const KeyNeed& need) override;
  Plaintext encode(std::span<const double> values, int level, double bound) override;
  Cipher encrypt(std::span<const double> values, int level, double bound) override;
  // Error{not_found} without the secret key; Error{invalid} for a result that is not as expected.
  std::vector<double> decrypt(const Cipher& a) override;
  Cipher encrypt_complex(std::span<const std::complex<double>> values, int level,
                         double bound) override;
  std::vector<std::complex<double>> decrypt_complex(const Cipher& a) override;
  double error(const Cipher& a) const override;  // exceeded with probability 2^-30
  double deviation(const Disturbance& of) const override;
  double fixed(const Cipher& a, const Disturbance& of) const override;
  Cipher add(const Cipher& a, const Cipher& b) override;
  Cipher add_plain(const Cipher& a, const Plaintext& b) override;
  Cipher negate(const Cipher& a) override;
  Cipher multiply(const Cipher& a, const Cipher& b) override;
  Cipher multiply_plain(const Cipher& a, const Plaintext& b) override;
  Cipher relinearize(const Cipher& a) override;
  Cipher relinearize_rescale(const Cipher& a) override;
  Cipher rescale(const Cipher& a) override;
  Cipher lower(const Cipher& a, int level) override;
  Cipher rotate(const Cipher& a, std::int64_t steps) override;
  std::vector<Cipher> rotate_many(const Cipher& a, std::span<const std::int64_t> steps) override;
  // Both by ckks/linear_map.h: the first keeps diagonals as coefficients, and only while it runs.
  std::vector<Cipher> transform(std::span<const Cipher> of, const Transform& how,
                                const Values& values, int level, double magnitude) override;
  Ready prepare(const Transform& how, const Values& values, int level) override;
  std::vector<Cipher> transform(std::span<const Cipher> of, const Ready& how,
                                double magnitude) override;
  std::int64_t most_errors() const override { return ckks::ErrorModel::kMost; }
  void tighten(const Cipher& a, double magnitude) override;
  void watch(const std::function<void()>& between) override;

  std::size_t key_bytes() const;  // of the keys that evaluate, held now
  std::size_t most_key_bytes() const { return most_key_bytes_; }  // and at most so far

  const ckks::Context& context() const { return context_; }
  const ckks::KeySet& evaluation_keys() const { return keys_; }
  const ckks::SecretKey& secret_key() const;  // Error{not_found} where there is none
  const std::optional<ckks::PublicKey>& public_key() const { return public_; }
  // Ciphertexts that come from elsewhere, and go there. Error{invalid} for those of other
  // parameters.
  Cipher hold(ckks::Ciphertext ciphertext, std::optional<Expectation> expected = {}) const;
  static const ckks::Ciphertext& look(const Cipher& a);

 private:
  template <typename Slots>
  Cipher encrypted(const Slots& values, int level, double bound);
  ckks::Plaintext decrypted(const Cipher& a);
  void use_keys(const EngineOptions& options);
  bool lends_keys() const { return source_ != nullptr || keys_on_use_; }
  void require_keys(const KeyNeed& need) const;
  void add_key(ckks::SwitchKey key);
  ckks::SwitchKey made_key(std::uint32_t galois, std::int64_t steps, int level);
  Ready mapped(const Transform& how, const Values& values, int level, std::size_t room);

  std::shared_ptr<const ckks::Context> owned_;
  const ckks::Context& context_;
  std::int64_t slots_;
  ckks::KeyGenerator generator_;
  std::optional<ckks::SecretKey> secret_;
  std::optional<ckks::PublicKey> public_;
  ckks::KeySet keys_;
  std::set<std::uint32_t> lent_;  // of those by load_keys()
  std::shared_ptr<const KeySource> source_;
  bool keys_on_use_;
  std::size_t most_key_bytes_ = 0;
  ckks::Encoder encoder_;
  std::optional<ckks::Encryptor> encryptor_;
  std::optional<ckks::Decryptor> decryptor_;
  ckks::Evaluator evaluator_;
  ckks::LinearWorkspace work_;
  std::size_t room_;  // for transformed diagonals, by EngineOptions
  std::shared_ptr<std::atomic<std::size_t>> expanded_ =
      std::make_shared<std::atomic<std::size_t>>(0);  // bytes of them that are held
};

}  // namespace pliant::einsum
