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
  bool dry_run = false, contributors = false;
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
  std::string path;
  std::size_t bytes = 0;
};
constexpr const char *kSecret = "secret.key", *kEvaluation = "eval.keys", *kPublic = "public.key";

// Those that are written, and removed again unless all of them are.
class KeyFiles {
 public:
  explicit KeyFiles(const std::string& folder) : folder_(folder) {}
  ~KeyFiles() {
    std::error_code ignored;
    for (const std::string& path : written_) fs::remove(path, ignored);
  }
  KeyFiles(const KeyFiles&) = delete;
  Written write(const char* name, const einsum::SecretBytes& bytes) {
    const std::string path = (fs::path(folder_) / name).string();
    write_secret_file(path, text_of(bytes.get()));
    written_.push_back(path);
    return {path, bytes.get().size()};
  }
  void keep() { written_.clear(); }

 private:
  std::string folder_;
  std::vector<std::string> written_;
};

// Before the work: a folder that can be written to, without keys in it.
void prepare_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorKind::io, folder, "cannot make the folder: " + error.message());
  for (const char* name : {kSecret, kEvaluation, kPublic})
    if (fs::exists(fs::symlink_status(fs::path(folder) / name)))
      throw Error(ErrorKind::usage, (fs::path(folder) / name).string(),
                  "exists already: what is encrypted with it could not be read any more",
                  "choose another folder, or remove it first");
}

void write_keys(const KeysOptions& options, const einsum::Client& client, const Resident& resident,
                const Invocation& context, nlohmann::ordered_json& json) {
  KeyFiles files(options.out);
  const Written secret = files.write(kSecret, client.secret_file()),
                evaluation = files.write(kEvaluation, client.server_file());
  std::optional<Written> contribution;
  if (options.contributors) contribution = files.write(kPublic, client.contributor_file());
  files.keep();
  json.update({{"secret_key", secret.path},
               {"eval_keys", evaluation.path},
               {"error_bound", client.error_bound()}});
  if (contribution) json["public_key"] = contribution->path;
  if (context.common.json) return;
  const auto size_text = [](const Written& file) {
    return fmt::format("{}, {}", file.path, bytes_text(static_cast<std::int64_t>(file.bytes)));
  };
  print_line(context.out, "secret key", size_text(secret));
  print_line(context.out, "eval keys",
             fmt::format("{}; in memory {}", size_text(evaluation), keys_text(resident)));
  if (contribution) print_line(context.out, "public key", size_text(*contribution));
  print_line(context.out, "error", fmt::format("at most {:.2e}", client.error_bound()));
}

int run_keys_new(const KeysOptions& options, const Invocation& context) {
  einsum::Agreement agreement = agreement_of(options);
  Operations planning(context, "keys new", "a plan");
  const Fitted chosen = fitted(options.choice, [&](const einsum::PlanOptions& of) {
    agreement.options = of;
    agreement.options.watch = planning.watch();
    return std::vector<einsum::Plan>{plan_of(agreement)};
  });
  const einsum::Plan& plan = chosen.plans.front();
  agreement.options = chosen.options;
  agreement.params = chosen.params;
  nlohmann::ordered_json json = plan_json(plan);
  json["parameters"] = describe(agreement.params);
  json["key_bytes"] = chosen.resident.keys;
  json["all_key_bytes"] = chosen.resident.all_keys;
  if (!context.common.json) {
    context.out << einsum::to_string(einsum::counts(plan.program)) << "\n";
    print_line(context.out, "parameters", describe(agreement.params));
    context.out << std::flush;
  }
  if (!options.dry_run) {
    prepare_folder(options.out);
    Operations operations(context, "keys new", "a whole set of keys");
    const einsum::Client client(std::move(agreement), {.contributors = options.contributors,
                                                       .pool = &context.pool(),
                                                       .log = &context.log,
                                                       .watch = operations.watch()});
    json["seconds"] = operations.seconds();
    write_keys(options, client, chosen.resident, context, json);
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
           "With --public there is a third, public.key, for whoever shall encrypt and do nothing "
           "else: with it pliant encrypt makes operands that the server takes like the client's. "
           "It cannot decrypt, and an answer cannot be forged with it. Ciphertexts of a public key "
           "have more noise and take twice the bytes; error_bound allows for it.",
           "What the plan gives is tried here with encrypted zeros, so that the client knows "
           "level, scale and error of a result before one comes. Keys serve this expression, "
           "these shapes and these bounds; files that exist are not written over.",
           "With --json: the counts of the plan, parameters, key_bytes (in memory, at most at "
           "once where the answer is computed), all_key_bytes, seconds, secret_key, eval_keys, "
           "error_bound, and with --public public_key."},
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
      flag("public", options->contributors, "write public.key too, for others to encrypt with"));
  command.options.push_back(
      option("out", "DIR", options->out, "the folder to write to").with_letter('o').written());
  command.options.push_back(flag("dry-run", options->dry_run, "plan only").must_unless("--out"));
  return {std::move(command),
          [options](const Invocation& context) { return run_keys_new(*options, context); }};
}

}  // namespace pliant::cli
