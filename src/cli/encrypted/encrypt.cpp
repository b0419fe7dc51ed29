#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <variant>

#include "cli/encrypted/files.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "machine/encrypted/einsum/parties/contributor.h"

namespace pliant::cli {
namespace {

struct EncryptOptions {
  std::string file, keys, out;
  std::optional<std::int64_t> operand;
};

// The one that is encrypted, where there is but one.
std::size_t operand_of(const EncryptOptions& options, const einsum::Plan& plan) {
  if (options.operand) return static_cast<std::size_t>(*options.operand);
  std::optional<std::size_t> only;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    if (!plan.inputs[i].secret) continue;
    if (only)
      throw Error(ErrorKind::usage, "--operand",
                  fmt::format("several operands of '{}' are encrypted", plan.expression),
                  fmt::format("say which one this is, for example --operand {}", *only));
    only = i;
  }
  return only.value_or(0);
}

using Party = std::variant<einsum::Client, einsum::Contributor>;

// Whose keys they are decides: the secret one, or a public one.
Party party_of(std::span<const std::byte> keys, const Invocation& context) {
  const einsum::PartyOptions options{.pool = &context.pool(), .log = &context.log};
  if (ckks::claimed_kind(keys) == ckks::EnvelopeKind::contributor_keys)
    return einsum::Contributor(keys, options);
  return einsum::Client(keys, options);
}

int run_encrypt(const EncryptOptions& options, const Invocation& context) {
  Party party = from_keys(options.keys,
                          [&](std::span<const std::byte> keys) { return party_of(keys, context); });
  const einsum::Plan& plan =
      std::visit([](const auto& of) -> const einsum::Plan& { return of.plan(); }, party);
  const std::size_t operand = operand_of(options, plan);
  const Tensor tensor = read_array(options.file);
  if (context.stop)
    throw Error(ErrorKind::cancelled, "encrypt", "stopped before there was a ciphertext");
  const std::vector<std::byte> file =
      std::visit([&](auto& of) { return of.encrypt(operand, tensor.view()); }, party);
  write_file(options.out, text_of(file));
  if (context.common.json) {
    print_json(context.out, {{"out", options.out}, {"operand", operand}, {"bytes", file.size()}});
  } else {
    print_line(context.out, "written",
               fmt::format("{}, {}: operand {} of {}", options.out, bytes_text(file.size()),
                           operand, plan.expression));
  }
  return success;
}

}  // namespace

Verb encrypt_verb() {
  const auto options = std::make_shared<EncryptOptions>();
  Command command{
      .name = "encrypt",
      .summary = "encrypt an operand of an einsum",
      .description =
          {"Encrypts a NumPy array under the secret key that pliant keys new made, or under the "
           "public one that it makes with --public, as an "
           "operand of the expression that the keys are for. Two encryptions of one array "
           "have nothing in common. Keep the file: the answer is bound to it, and pliant "
           "decrypt asks for it.",
           "With --json: out, operand, bytes."},
      .arguments = {argument("FILE", options->file, "the array (.npy)").path()},
      .options = {option("keys", "FILE", options->keys,
                         "secret.key or public.key, as pliant keys new wrote it")
                      .path()
                      .must(),
                  option("operand", "N", options->operand, "which operand it is, from 0")
                      .at_least(0)
                      .with_default("the only one that is encrypted"),
                  option("out", "FILE", options->out, "the ciphertexts to write")
                      .with_letter('o')
                      .written()
                      .must()},
      .examples = {{"pliant encrypt x.npy --keys keys/secret.key --out x.ct",
                    "a client's vector, for the server"},
                   {"pliant encrypt x.npy --keys public.key --out x.ct",
                    "for somebody else, who alone can decrypt the answer"},
                   {"pliant encrypt k.npy --keys keys/secret.key --operand 1 --out k.ct",
                    "where several operands are encrypted"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_encrypt(*options, context); }};
}

}  // namespace pliant::cli
