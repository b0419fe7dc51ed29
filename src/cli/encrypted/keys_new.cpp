#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/encrypted/choice.h"
#include "cli/encrypted/files.h"
#include "cli/encrypted/operations.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/checked.h"
#include "core/error.h"
#include "machine/encrypted/einsum/parties/client.h"

namespace pliant::cli {
namespace {

namespace fs = std::filesystem;

struct KeysOptions {
  std::string expression, out;
  std::vector<std::string> shapes;
  PlanChoice choice;
  double clear_magnitude = 1;
  bool dry_run = false;
};

// "128x64"; "scalar" has no axes.
Shape shape_from_text(const std::string& text) {
  Shape shape;
  if (text == "scalar") return shape;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    std::int64_t size = -1;
    const auto [last, error] = std::from_chars(text.data() + at, text.data() + end, size);
    if (error != std::errc() || last != text.data() + end || size < 0)
      throw Error(ErrorKind::usage, "SHAPES", fmt::format("'{}' is not a shape", text),
                  "for example 128x64, 64, or scalar");
    shape.push_back(size);
    at = end + 1;
  }
  return shape;
}

einsum::Agreement agreement_of(const KeysOptions& options) {
  einsum::Agreement agreement{.expression = options.expression, .options = options.choice.plan};
  const auto secret = secret_operands(options.choice, options.shapes.size());
  for (std::size_t i = 0; i < options.shapes.size(); ++i)
    agreement.operands.push_back(
        {shape_from_text(options.shapes[i]), secret.contains(i),
         secret.contains(i) ? options.choice.magnitude : options.clear_magnitude});
  return agreement;
}

struct Written {
  std::string secret, evaluation;
  std::size_t secret_bytes = 0, evaluation_bytes = 0;
};

// Both files or neither.
Written write_keys(const std::string& folder, const einsum::Client& client) {
  Written written{.secret = (fs::path(folder) / "secret.key").string(),
                  .evaluation = (fs::path(folder) / "eval.keys").string()};
  const einsum::SecretBytes secret = client.secret_file();
  write_secret_file(written.secret, text_of(secret.get()));
  written.secret_bytes = secret.get().size();
  try {
    const einsum::SecretBytes evaluation = client.server_file();
    write_secret_file(written.evaluation, text_of(evaluation.get()));
    written.evaluation_bytes = evaluation.get().size();
  } catch (...) {
    std::error_code ignored;
    fs::remove(written.secret, ignored);
    throw;
  }
  return written;
}

// Before the work: a folder that can be written to, without keys in it.
void prepare_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorKind::io, folder, "cannot make the folder: " + error.message());
  for (const char* name : {"secret.key", "eval.keys"})
    if (fs::exists(fs::symlink_status(fs::path(folder) / name)))
      throw Error(ErrorKind::usage, (fs::path(folder) / name).string(),
                  "exists already: what is encrypted with it could not be read any more",
                  "choose another folder, or remove it first");
}

int run_keys_new(const KeysOptions& options, const Invocation& context) {
  einsum::Agreement agreement = agreement_of(options);
  const einsum::Plan plan = plan_of(agreement);
  agreement.params = einsum::choose_parameters(
      plan, agreement.options.scale_bits, agreement.options.first_bits, options.choice.security);
  nlohmann::ordered_json json = plan_json(plan);
  json["parameters"] = describe(agreement.params);
  json["key_bytes"] = checked_resident(plan, agreement.params, options.choice.memory).keys;
  if (!context.common.json) {
    context.out << einsum::to_string(einsum::counts(plan.program)) << "\n";
    print_line(context.out, "parameters", describe(agreement.params));
    context.out << std::flush;
  }
  if (!options.dry_run) {
    prepare_folder(options.out);
    Operations operations(context, "keys new", "a whole set of keys");
    const einsum::Client client(
        std::move(agreement),
        {.pool = &context.pool(), .log = &context.log, .watch = operations.watch()});
    const double seconds = operations.seconds();
    const Written written = write_keys(options.out, client);
    json.update({{"secret_key", written.secret},
                 {"eval_keys", written.evaluation},
                 {"error_bound", client.error_bound()},
                 {"seconds", seconds}});
    if (!context.common.json) {
      print_line(context.out, "secret key",
                 fmt::format("{}, {}", written.secret, bytes_text(written.secret_bytes)));
      print_line(context.out, "eval keys",
                 fmt::format("{}, {}; {} in memory", written.evaluation,
                             bytes_text(written.evaluation_bytes), bytes_text(client.key_bytes())));
      print_line(context.out, "error", fmt::format("at most {:.2e}", client.error_bound()));
    }
  }
  if (context.common.json) print_json(context.out, json);
  return success;
}

}  // namespace

Verb keys_new_verb() {
  const auto options = std::make_shared<KeysOptions>();
  Command command{
      .name = "keys new",
      .summary = "make the keys of an einsum on encrypted tensors",
      .description =
          {"Plans the expression for operands of these shapes, chooses parameters, and writes two "
           "files. secret.key stays with the client, who encrypts and decrypts (pliant encrypt, "
           "pliant decrypt); only its owner may read it. eval.keys goes to the server, who "
           "computes (pliant einsum --keys): it has the keys of the plan's rotations and no "
           "others, cannot decrypt, and holds the key by which the two authenticate their files, "
           "so nobody else should have it.",
           "What the plan gives is tried here with encrypted zeros, so that the client knows "
           "level, scale and error of a result before one comes. Keys serve this expression, "
           "these shapes and these bounds; files that exist are not written over.",
           "With --json: the counts of the plan, parameters, key_bytes, secret_key, eval_keys, "
           "error_bound, seconds."},
      .arguments = {argument("EXPRESSION", options->expression,
                             "as numpy.einsum has it: \"ik,k->i\""),
                    argument("SHAPES", options->shapes, "of the operands: 128x64, 64, or scalar")},
      .options = plan_options(options->choice),
      .examples = {{"pliant keys new \"ik,k->i\" 128x128 128 --encrypt 1 --out keys",
                    "for a server's matrix times a client's vector"},
                   {"pliant keys new \"ik,kj->ij\" 16x32 32x32 --dry-run", "what it would take"}}};
  command.options.push_back(option("clear-magnitude", "X", options->clear_magnitude,
                                   "no element of an operand in the clear is larger"));
  command.options.push_back(
      option("out", "DIR", options->out, "the folder to write to").with_letter('o').written());
  command.options.push_back(flag("dry-run", options->dry_run, "plan only").must_unless("--out"));
  return {std::move(command),
          [options](const Invocation& context) { return run_keys_new(*options, context); }};
}

}  // namespace pliant::cli
