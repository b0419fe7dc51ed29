#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "formats/npy/npy.h"
#include "machine/encrypted/einsum/backend/in_the_clear.h"
#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/backend/watched.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/einsum/simulator/simulator.h"

namespace pliant {

template <>
struct OptionWords<einsum::Planner> {
  static constexpr std::pair<einsum::Planner, const char*> words[] = {
      {einsum::Planner::layouts, "layouts"}, {einsum::Planner::einhops, "einhops"}};
};

namespace cli {
namespace {

struct EinsumOptions {
  std::string expression, encrypt = "all", out;
  std::vector<std::string> files;
  einsum::PlanOptions plan;
  double magnitude = 1;
  int security = 128;
  bool dry_run = false, simulate = false, explain = false;
};

// "all", or numbers of operands: 0,2
std::set<std::size_t> secret_operands(const EinsumOptions& options) {
  std::set<std::size_t> secret;
  const std::size_t count = options.files.size();
  if (options.encrypt == "all") {
    for (std::size_t i = 0; i < count; ++i) secret.insert(i);
    return secret;
  }
  for (std::size_t at = 0; at <= options.encrypt.size();) {
    const std::size_t comma = std::min(options.encrypt.find(',', at), options.encrypt.size());
    std::int64_t operand = -1;
    option_value(options.encrypt.substr(at, comma - at), "--encrypt", operand);
    if (operand < 0 || operand >= std::ssize(options.files))
      throw Error(ErrorKind::usage, "--encrypt",
                  fmt::format("{}: there are operands 0 to {}", operand, count - 1),
                  "for example --encrypt 0, or all");
    secret.insert(static_cast<std::size_t>(operand));
    at = comma + 1;
  }
  return secret;
}

std::vector<Tensor> read_tensors(const std::vector<std::string>& files) {
  std::vector<Tensor> tensors;
  for (const std::string& file : files) {
    const MappedFile mapped(file);
    tensors.push_back(tensor_from_npy(mapped.bytes(), file));
  }
  return tensors;
}

double largest_magnitude(const TensorView& tensor) {
  double largest = 0;
  for (std::int64_t i = 0; i < elements(tensor.type.shape); ++i)
    largest = std::max(largest, std::abs(get(tensor, i)));
  return largest;
}

// What is encrypted has the declared bound, which the plan shows; what is not has its own.
std::vector<einsum::EinsumOperand> operands_of(const EinsumOptions& options,
                                               const std::vector<TensorView>& tensors) {
  const std::set<std::size_t> secret = secret_operands(options);
  std::vector<einsum::EinsumOperand> operands;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool hidden = secret.contains(i);
    operands.push_back(
        {tensors[i].type.shape, hidden,
         hidden ? options.magnitude : std::max(largest_magnitude(tensors[i]), 0x1p-20)});
  }
  return operands;
}

struct Answer {
  einsum::Decrypted result;
  double seconds = 0, key_seconds = 0, error = 0;
  std::size_t key_bytes = 0;
};

Answer run_on(einsum::Backend& unwatched, const einsum::Plan& plan,
              const std::vector<TensorView>& tensors, const Invocation& context) {
  const Clock clock = steady_clock();
  Progress progress(context.log, clock);
  std::int64_t done = 0;
  einsum::Watched backend(unwatched, [&] {
    if (context.stop)
      throw Error(ErrorKind::cancelled, plan.expression, "stopped before there was an answer");
    progress.show([&] { return fmt::format("einsum: {} operations", done); });
    ++done;
  });
  Answer answer;
  const double begin = clock();
  backend.make_keys(einsum::keys(plan.program));
  const double keyed = clock();
  answer.result = einsum::decrypt(
      plan, backend,
      einsum::evaluate(plan, backend, einsum::encrypt(plan, backend, tensors), tensors));
  answer.key_seconds = keyed - begin;
  answer.seconds = clock() - keyed;
  return answer;
}

Answer compute(const EinsumOptions& options, const einsum::Plan& plan,
               const std::vector<TensorView>& tensors, const Invocation& context) {
  Answer answer;
  if (options.simulate) {
    einsum::Simulator simulator({.slots = options.plan.slots,
                                 .levels = std::max(options.plan.levels, plan.levels()),
                                 .scale_bits = options.plan.scale_bits,
                                 .first_bits = options.plan.first_bits});
    answer = run_on(simulator, plan, tensors, context);
  } else {
    ckks::Params params = einsum::choose_parameters(plan, options.plan.scale_bits,
                                                    options.plan.first_bits, options.security);
    einsum::Engine engine(params, options.plan.slots,
                          {.pool = &context.pool(), .log = &context.log});
    answer = run_on(engine, plan, tensors, context);
    answer.key_bytes = engine.key_bytes();
  }
  const Tensor wanted = einsum::in_the_clear(options.expression, tensors, context.pool());
  for (std::int64_t i = 0; i < elements(wanted.type().shape); ++i)
    answer.error = std::max(
        answer.error, std::abs(get(wanted.view(), i) - get(answer.result.outputs[0].view(), i)));
  return answer;
}

nlohmann::ordered_json plan_json(const einsum::Plan& plan) {
  const einsum::Counts counts = einsum::counts(plan.program);
  return {{"expression", plan.expression}, {"shape", plan.outputs[0].shape},
          {"rotations", counts.rotations}, {"key_switches", counts.key_switches},
          {"products", counts.products},   {"plain_muls", counts.diagonals + counts.plain_products},
          {"levels", plan.levels()},       {"keys", counts.keys}};
}

void print_answer(const Answer& answer, const EinsumOptions& options, const Invocation& context) {
  const TensorType& type = answer.result.outputs[0].type();
  print_line(context.out, "result",
             fmt::format("{}{}", to_string(type),
                         options.out.empty() ? "" : ", written to " + options.out));
  if (!options.simulate) print_line(context.out, "keys", bytes_text(answer.key_bytes));
  print_line(context.out, "time",
             fmt::format("{:.3f} s for the keys, {:.3f} s to encrypt, evaluate and decrypt",
                         answer.key_seconds, answer.seconds));
  print_line(context.out, "error",
             fmt::format("{:.2e}, at most {:.2e}", answer.error, answer.result.error_bound));
}

int run_einsum(const EinsumOptions& options, const Invocation& context) {
  const std::vector<Tensor> tensors = read_tensors(options.files);
  std::vector<TensorView> views;
  for (const Tensor& each : tensors) views.push_back(each.view());
  const einsum::Plan plan =
      einsum::plan(options.expression, operands_of(options, views), options.plan);
  nlohmann::ordered_json json = plan_json(plan);
  if (!context.common.json) {
    context.out << (options.explain ? einsum::explain(plan)
                                    : einsum::to_string(einsum::counts(plan.program)) + "\n");
    context.out << std::flush;
  }
  if (!options.dry_run) {
    const Answer answer = compute(options, plan, views, context);
    if (!options.out.empty()) write_file(options.out, npy_bytes(answer.result.outputs[0].view()));
    json.update({{"key_bytes", answer.key_bytes},
                 {"key_seconds", answer.key_seconds},
                 {"seconds", answer.seconds},
                 {"max_abs_error", answer.error},
                 {"error_bound", answer.result.error_bound}});
    if (!context.common.json) print_answer(answer, options, context);
  }
  if (context.common.json) print_json(context.out, json);
  return success;
}

}  // namespace

Verb einsum_verb() {
  const auto options = std::make_shared<EinsumOptions>();
  Command command{
      .name = "einsum",
      .summary = "compute an einsum on encrypted tensors",
      .description =
          {"Plans the expression for ciphertexts (rotations, products, levels, keys), makes the "
           "keys it needs, encrypts, evaluates, decrypts, and compares with the answer in the "
           "clear. FILES are NumPy arrays (.npy), one per operand. Everything happens in this "
           "process: to try expressions and see what they cost.",
           "The largest element of what is encrypted is declared, not measured (--magnitude): it "
           "is "
           "part of the plan, which is public. docs/encrypted.md says what is promised.",
           "With --json: rotations, key_switches, products, plain_muls, levels, keys, key_bytes, "
           "key_seconds, seconds, max_abs_error, error_bound."},
      .arguments = {argument("EXPRESSION", options->expression,
                             "as numpy.einsum has it: \"ik,kj->ij\", ellipses too"),
                    argument("FILES", options->files, "the operands").path()},
      .options =
          {option("encrypt", "LIST", options->encrypt,
                  "the operands that are encrypted, from 0: all, or for example 0,2"),
           option("magnitude", "X", options->magnitude,
                  "no element of an encrypted operand is larger"),
           option("planner", "NAME", options->plan.planner,
                  "layouts: chosen for the least work; einhops: the published algorithm"),
           flag(
               "canonical", options->plan.canonical,
               "leave the result row by row from the first slot, as one who computes on would find "
               "it anywhere"),
           option("slots", "N", options->plan.slots, "slots of a ciphertext, a power of two")
               .within(2, 65536),
           option("levels", "N", options->plan.levels, "levels that the parameters have")
               .at_least(0)
               .with_default("as many as the plan needs"),
           option("scale-bits", "N", options->plan.scale_bits, "fraction bits of encrypted numbers")
               .within(20, 49),
           option("security", "BITS", options->security, "of the parameters, classical")
               .with_choices({"128", "192", "256"}),
           option("out", "FILE", options->out, "write the result as a NumPy array")
               .with_letter('o')
               .written(),
           flag("explain", options->explain,
                "print the whole plan: layouts, steps, what was rejected and what it would cost"),
           flag("simulate", options->simulate,
                "run without encryption, with levels, scales and bounds checked"),
           flag("dry-run", options->dry_run, "plan only")
               .excludes("--simulate", "nothing runs")
               .excludes("--out", "nothing is computed")},
      .examples = {{"pliant einsum \"ik,k->i\" weights.npy x.npy --encrypt 1",
                    "plain weights times an encrypted vector"},
                   {"pliant einsum \"bthd,bThd->bhtT\" q.npy k.npy --dry-run --explain",
                    "what scores of attention would cost, and why"},
                   {"pliant einsum \"ij->ji\" a.npy --canonical --json", "for a script"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_einsum(*options, context); }};
}

}  // namespace cli
}  // namespace pliant
