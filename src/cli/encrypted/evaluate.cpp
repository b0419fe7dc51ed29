#include "cli/encrypted/evaluate.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/encrypted/choice.h"
#include "cli/encrypted/files.h"
#include "cli/encrypted/operations.h"
#include "command/print.h"
#include "core/error.h"
#include "machine/encrypted/einsum/parties/server.h"

namespace pliant::cli {
namespace {

void require_expression(const EvaluateOptions& options, const einsum::Agreement& agreement) {
  if (options.expression != agreement.expression)
    throw Error(
        ErrorKind::invalid, options.keys,
        fmt::format("has keys for '{}', not for '{}'", agreement.expression, options.expression),
        "make keys for it with pliant keys new");
  if (options.files.size() != agreement.operands.size())
    throw Error(ErrorKind::invalid, options.keys,
                fmt::format("is for {} operands, {} are given", agreement.operands.size(),
                            options.files.size()));
}

}  // namespace

int run_evaluate(const EvaluateOptions& options, const Invocation& context) {
  if (options.out.empty() && !options.dry_run)
    throw Error(ErrorKind::usage, "--out", "is missing: with --keys the answer is a file",
                "add --out FILE");
  Operations operations(context, "einsum", "an answer");
  const MappedFile mapped_keys(options.keys);
  auto server = from_keys(options.keys, mapped_keys, [&](std::span<const std::byte> keys) {
    return einsum::Server(keys, {.keys_stay_in_file = true,
                                 .pool = &context.pool(),
                                 .log = &context.log,
                                 .watch = operations.watch()});
  });
  require_expression(options, server.agreement());
  nlohmann::ordered_json json = plan_json(server.plan());
  if (!context.common.json)
    context.out << einsum::to_string(einsum::counts(server.plan().program)) << std::endl;
  if (!options.dry_run) {
    std::vector<MappedFile> mapped;
    std::vector<Tensor> tensors;
    std::vector<einsum::Server::Input> inputs;
    mapped.reserve(options.files.size());
    tensors.reserve(options.files.size());
    for (std::size_t i = 0; i < options.files.size(); ++i)
      if (server.plan().inputs[i].secret)
        inputs.push_back({.encrypted = mapped.emplace_back(options.files[i]).bytes()});
      else inputs.push_back({.clear = tensors.emplace_back(read_array(options.files[i])).view()});
    const double begin = operations.seconds();
    const std::vector<std::byte> answer = server.evaluate(inputs);
    const double seconds = operations.seconds() - begin;
    write_file(options.out, text_of(answer));
    json.update({{"key_bytes", server.key_bytes()},
                 {"plaintext_bytes", server.plaintext_bytes()},
                 {"seconds", seconds},
                 {"error_bound", server.error_bound()},
                 {"out", options.out}});
    if (!context.common.json) {
      print_line(context.out, "answer",
                 fmt::format("{}, {}", options.out, bytes_text(answer.size())));
      print_line(context.out, "keys", bytes_text(server.key_bytes()) + " at most at once");
      print_line(context.out, "time", seconds_text(seconds));
      print_line(context.out, "error", fmt::format("at most {:.2e}", server.error_bound()));
    }
  }
  if (context.common.json) print_json(context.out, json);
  return success;
}

}  // namespace pliant::cli
