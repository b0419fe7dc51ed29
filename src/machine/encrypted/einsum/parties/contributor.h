// Who encrypts for a client without its secret key: has a public key, and can neither decrypt nor
// evaluate nor answer.
#pragma once

#include "machine/encrypted/einsum/parties/client.h"

namespace pliant::einsum {

// One thread at a time.
class Contributor {
 public:
  // As Client::contributor_file() wrote it. Throws Error{format}, and what get_agreement() does.
  explicit Contributor(std::span<const std::byte> contributor_file,
                       const PartyOptions& options = {});

  const Plan& plan() const { return plan_; }
  const Agreement& agreement() const { return agreement_; }
  double error_bound() const { return error_bound_; }  // of every element, as the client has it

  // One operand as a file, which the server takes like the client's. Throws Error{usage} for one
  // that is not encrypted, Error{invalid} for another shape or an element beyond the bound.
  std::vector<std::byte> encrypt(std::size_t operand, const TensorView& tensor);

 private:
  Agreement agreement_;
  Plan plan_;
  SharedKey shared_;  // of contributors
  double error_bound_ = 0;
  std::unique_ptr<Engine> engine_;
};

}  // namespace pliant::einsum
