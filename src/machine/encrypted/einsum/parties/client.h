// Who has the secret key: makes keys, encrypts, decrypts.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/parties/agreement.h"

namespace pliant::einsum {

// Authenticates what travels between two parties; each has it, nobody else. Wiped when it goes.
class SharedKey {
 public:
  SharedKey() : bytes_(ckks::fresh_seed()) {}
  explicit SharedKey(const ckks::Seed& bytes) : bytes_(bytes) {}
  SharedKey(const SharedKey&) = default;
  SharedKey& operator=(const SharedKey&) = default;
  ~SharedKey();
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  // What a client and a server have in common with contributors: it follows from this one, which
  // does not follow from it.
  SharedKey of_contributors() const;
  ckks::Authentication authentication(ckks::Sender from, ckks::u64 session, ckks::u64 request,
                                      std::size_t item) const;

 private:
  ckks::Seed bytes_;
};

// Bytes of keys, overwritten when they go.
class SecretBytes {
 public:
  explicit SecretBytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(SecretBytes&&) = default;
  SecretBytes& operator=(SecretBytes&&) = delete;
  ~SecretBytes();
  std::span<const std::byte> get() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

struct PartyOptions {
  bool accept_insecure = false;
  // A new client's: others may encrypt, with a public key, whose noise the bounds then allow for.
  // Until it is read from its file the client encrypts with that key too.
  bool contributors = false;
  // A server's: its keys stay in the file, which must outlive it, but for those between their first
  // and last use in a run.
  bool keys_stay_in_file = false;
  ThreadPool* pool = nullptr;  // both must outlive the party
  Log* log = nullptr;
  std::function<void()> watch = {};  // before every operation; may throw
  Planning planning = plan_of;       // how the agreement comes to a plan
};

// The keys of one agreement: the plan's rotations and nothing more. One thread at a time.
class Client {
 public:
  // Makes keys, and rehearses the plan with encrypted zeros and the largest operands in the clear,
  // so as to know every field of a result before one comes. `agreement.session` is drawn here.
  explicit Client(Agreement agreement, const PartyOptions& options = {});
  // As secret_file() wrote it. Throws Error{format}, and what get_agreement() does.
  Client(std::span<const std::byte> secret_file, const PartyOptions& options = {});

  SecretBytes secret_file() const;  // for the client alone
  // For the server: evaluation keys, the agreement, and the shared key. After the first constructor
  // only, which has made them.
  SecretBytes server_file() const;
  // For whoever may encrypt (parties/contributor.h). Throws Error{usage} unless this client was
  // made for contributors.
  SecretBytes contributor_file() const;

  const Plan& plan() const { return plan_; }
  const Agreement& agreement() const { return agreement_; }
  std::size_t key_bytes() const { return engine_->key_bytes(); }
  double error_bound() const { return error_bound_; }  // of every element, without flooding

  // One operand as a file. Throws Error{usage} for one that is not encrypted, Error{invalid} for
  // another shape or an element beyond the bound.
  std::vector<std::byte> encrypt(std::size_t operand, const TensorView& tensor);
  // The answer to the request that these files are, one for every encrypted operand, in order.
  // Throws Error{format} for a file that did not come from the server for this request,
  // Error{invalid} for ciphertexts that are not what the plan gives.
  Decrypted decrypt(std::span<const std::byte> answer,
                    const std::vector<std::span<const std::byte>>& request,
                    const std::optional<ckks::Flooding>& flooding = {});

 private:
  void rehearse(const PartyOptions& options);
  void bounds_are_known();
  Agreement agreement_;
  Plan plan_;
  SharedKey shared_;
  std::vector<Expectation> expected_;
  double error_bound_ = 0;
  std::unique_ptr<Engine> engine_;
};

}  // namespace pliant::einsum
