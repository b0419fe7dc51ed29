#include "machine/encrypted/einsum/parties/operand_file.h"

#include <fmt/format.h>

#include "core/error.h"
#include "machine/encrypted/einsum/backend/run.h"

namespace pliant::einsum {

std::vector<std::byte> operand_file(const Plan& plan, Engine& engine, std::size_t operand,
                                    const TensorView& tensor, const ckks::Authentication& purpose) {
  if (operand >= plan.inputs.size() || !plan.inputs[operand].secret)
    throw Error(ErrorKind::usage, "einsum " + plan.expression,
                fmt::format("operand {} is not one of those that are encrypted", operand));
  const std::vector<Backend::Cipher> ciphers = encrypt_operand(plan, engine, operand, tensor);
  std::vector<const ckks::Ciphertext*> ciphertexts;
  for (const Backend::Cipher& each : ciphers)
    ciphertexts.push_back(each ? &Engine::look(each) : nullptr);
  return serialize_tensor(engine.context(), ciphertexts, purpose);
}

}  // namespace pliant::einsum
