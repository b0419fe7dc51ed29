#include "machine/encrypted/einsum/parties/contributor.h"

#include <sodium.h>

#include "machine/encrypted/einsum/parties/operand_file.h"

namespace pliant::einsum {

Contributor::Contributor(std::span<const std::byte> contributor_file, const PartyOptions& options) {
  ckks::Reader in(contributor_file, ckks::EnvelopeKind::contributor_keys, nullptr, {});
  Agreed agreed = get_agreement(in, options.accept_insecure);
  plan_ = agreed_plan(agreed, options.planning);
  agreement_ = std::move(agreed.agreement);
  ckks::Seed shared;
  in.read(shared, "the contributors' key");
  shared_ = SharedKey(shared);
  sodium_memzero(shared.data(), shared.size());
  error_bound_ = in.real("the error bound");
  auto context =
      std::make_shared<ckks::Context>(agreement_.params, ckks::best_kernels(), options.log);
  EngineKeys keys{.encryption = ckks::parse_public_key(*context, in.blob("the public key"))};
  in.finish();
  engine_ = std::make_unique<Engine>(context, agreement_.options.slots, std::move(keys),
                                     EngineOptions{.pool = options.pool, .log = options.log});
}

std::vector<std::byte> Contributor::encrypt(std::size_t operand, const TensorView& tensor) {
  return operand_file(
      plan_, *engine_, operand, tensor,
      shared_.authentication(ckks::Sender::contributor, agreement_.session, 0, operand));
}

}  // namespace pliant::einsum
