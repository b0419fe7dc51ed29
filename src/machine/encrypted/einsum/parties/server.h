// Who evaluates: has evaluation keys and operands in the clear, and no secret key.
#pragma once

#include "machine/encrypted/einsum/parties/client.h"

namespace pliant::einsum {

// One thread at a time.
class Server {
 public:
  // As Client::server_file() wrote it. Throws Error{format}, and what get_agreement() does.
  explicit Server(std::span<const std::byte> server_file, const PartyOptions& options = {});

  const Plan& plan() const { return plan_; }
  const Agreement& agreement() const { return agreement_; }
  std::size_t key_bytes() const { return engine_->most_key_bytes(); }  // in memory, at most so far
  std::size_t plaintext_bytes() const {  // at most at once, while it evaluates
    return einsum::plaintext_bytes(engine_->context(), plan_.program);
  }

  double error_bound() const { return error_bound_; }  // of every element, as the client has it

  struct Input {
    std::span<const std::byte> encrypted = {};  // a file of the client or a contributor
    TensorView clear = {};                      // otherwise
  };
  // One input for every operand. Throws Error{format} for a file that neither wrote for this
  // operand, Error{invalid} for ciphertexts or shapes that were not planned, Error{not_found}
  // for a missing key.
  std::vector<std::byte> evaluate(const std::vector<Input>& inputs);

 private:
  std::vector<std::optional<ckks::Ciphertext>> read(std::size_t operand,
                                                    std::span<const std::byte> file) const;
  Agreement agreement_;
  Plan plan_;
  SharedKey shared_;
  double error_bound_ = 0;
  std::unique_ptr<Engine> engine_;
  std::function<void()> watch_;
};

}  // namespace pliant::einsum
