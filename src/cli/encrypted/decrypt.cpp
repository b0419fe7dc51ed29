#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/encrypted/files.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "formats/npy/npy.h"
#include "machine/encrypted/einsum/parties/client.h"

namespace pliant::cli {
namespace {

struct DecryptOptions {
  std::string file, keys, out;
  std::vector<std::string> request;
  std::optional<double> flood;
  int flood_bits = ckks::Flooding{}.security;
};

int run_decrypt(const DecryptOptions& options, const Invocation& context) {
  auto client = from_keys(options.keys, [&](std::span<const std::byte> keys) {
    return einsum::Client(keys, {.pool = &context.pool(), .log = &context.log});
  });
  const MappedFile answer(options.file);
  std::vector<MappedFile> files;
  std::vector<std::span<const std::byte>> request;
  for (const std::string& path : options.request)
    request.push_back(files.emplace_back(path).bytes());
  std::optional<ckks::Flooding> flooding;
  if (options.flood) flooding = {.queries = *options.flood, .security = options.flood_bits};
  if (context.stop)
    throw Error(ErrorKind::cancelled, "decrypt", "stopped before there was a result");
  const einsum::Decrypted result = client.decrypt(answer.bytes(), request, flooding);
  const Tensor& tensor = result.outputs[0];
  write_file(options.out, npy_bytes(tensor.view()));
  if (context.common.json) {
    print_json(context.out, {{"out", options.out},
                             {"shape", tensor.type().shape},
                             {"error_bound", result.error_bound}});
  } else {
    print_line(context.out, "result",
               fmt::format("{}, written to {}", to_string(tensor.type()), options.out));
    print_line(context.out, "error", fmt::format("at most {:.2e}", result.error_bound));
  }
  return success;
}

}  // namespace

Verb decrypt_verb() {
  const auto options = std::make_shared<DecryptOptions>();
  Command command{
      .name = "decrypt",
      .summary = "decrypt the answer to an einsum",
      .description =
          {"Decrypts what pliant einsum --keys answered, with the secret key that pliant keys new "
           "made. Refused are answers to other requests, of other servers or sessions, one's own "
           "files handed back, and ciphertexts whose level, scale, size or error is not what the "
           "plan gives. A server that has the keys can still compute something else: that nothing "
           "can show.",
           "Whoever sees decrypted numbers and knows the ciphertexts can learn the secret key from "
           "the last bits. Before showing a result to anybody, hide them with --flood "
           "(docs/encrypted.md).",
           "With --json: out, shape, error_bound."},
      .arguments = {argument("FILE", options->file, "the answer").path()},
      .options =
          {option("keys", "FILE", options->keys, "secret.key, as pliant keys new wrote it")
               .path()
               .must(),
           option("request", "FILE", options->request,
                  "what was sent to the server: every encrypted operand, in order")
               .path()
               .must(),
           option("flood", "QUERIES", options->flood,
                  "add noise that hides the error, for so many results that will ever be shown"),
           option("flood-bits", "BITS", options->flood_bits, "how well it hides it, all in all")
               .within(1, 128)
               .needs("--flood", "it is of the noise that is added"),
           option("out", "FILE", options->out, "the array to write (.npy)")
               .with_letter('o')
               .written()
               .must()},
      .examples = {{"pliant decrypt y.ct --keys keys/secret.key --request x.ct --out y.npy",
                    "what the server answered"},
                   {"pliant decrypt y.ct --keys keys/secret.key --request x.ct --flood 1 --out "
                    "y.npy",
                    "one result that will be shown"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_decrypt(*options, context); }};
}

}  // namespace pliant::cli
