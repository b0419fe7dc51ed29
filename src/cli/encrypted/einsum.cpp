#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/encrypted/choice.h"
#include "cli/encrypted/evaluate.h"
#include "cli/encrypted/files.h"
#include "cli/encrypted/operations.h"
#include "cli/plan/picture.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "formats/npy/npy.h"
#include "machine/encrypted/einsum/backend/in_the_clear.h"
#include "machine/encrypted/einsum/backend/measure.h"
#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/backend/watched.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/explain/drawing.h"
#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/einsum/simulator/simulator.h"

namespace pliant::cli {
namespace {

constexpr int kCompared = 4;  // plans that are told of

struct EinsumOptions {
  std::string expression, keys, out, report;
  std::vector<std::string> files;
  PlanChoice choice;
  bool dry_run = false, simulate = false, explain = false;
};

// What is encrypted has the declared bound, which the plan shows; what is not has its own.
std::vector<einsum::EinsumOperand> operands_of(const EinsumOptions& options,
                                               const std::vector<TensorView>& tensors) {
  const std::set<std::size_t> secret = secret_operands(options.choice, tensors.size());
  std::vector<einsum::EinsumOperand> operands;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool hidden = secret.contains(i);
    operands.push_back(
        {tensors[i].type.shape, hidden,
         hidden ? options.choice.magnitude : std::max(largest_magnitude(tensors[i]), 0x1p-20)});
  }
  return operands;
}

struct Answer {
  einsum::Decrypted result;
  double key_seconds = 0, client_seconds = 0, seconds = 0;  // client: encrypts and decrypts
  std::optional<double> predicted_seconds;
  double error = 0;
};

// What single operations take here, measured one by one, says what the whole will. With a handful
// of slots there is nothing to measure by.
std::optional<double> predicted(const einsum::Plan& plan, einsum::Backend& backend) {
  if (backend.slots() < einsum::Stopwatch::kLeastSlots) return {};
  einsum::Stopwatch times(backend, steady_clock());
  const einsum::Prediction result = einsum::predict(plan.program, times);
  return result.encoding + result.evaluation;
}

// Keys are made when the evaluation comes to them; their time is told apart.
class KeysApart : public einsum::Watched {
 public:
  KeysApart(einsum::Backend& backend, Operations& operations)
      : Watched(backend, operations.watch()), operations_(operations) {}
  double seconds() const { return seconds_; }
  void load_keys(const einsum::KeyNeed& need) override {
    const double begun = operations_.seconds();
    Watched::load_keys(need);
    seconds_ += operations_.seconds() - begun;
  }

 private:
  Operations& operations_;
  double seconds_ = 0;
};

Answer run_on(einsum::Backend& unwatched, const einsum::Plan& plan,
              const std::vector<TensorView>& tensors, const Invocation& context) {
  Operations operations(context, "einsum", "an answer");
  KeysApart backend(unwatched, operations);
  Answer answer;
  backend.make_keys(einsum::keys(plan.program));
  answer.predicted_seconds = predicted(plan, backend);
  const double earlier = backend.seconds();
  const double begun = operations.seconds();
  const auto inputs = einsum::encrypt(plan, backend, tensors);
  const double encrypted = operations.seconds();
  const auto outputs = einsum::evaluate(plan, backend, inputs, tensors);
  const double evaluated = operations.seconds();
  answer.result = einsum::decrypt(plan, backend, outputs);
  answer.key_seconds = backend.seconds() - earlier;
  answer.client_seconds = operations.seconds() - begun - (evaluated - encrypted);
  answer.seconds = evaluated - encrypted - answer.key_seconds;
  return answer;
}

Answer compute(const EinsumOptions& options, const einsum::Plan& plan, const ckks::Params& params,
               const std::vector<TensorView>& tensors, const Invocation& context) {
  Answer answer;
  if (options.simulate) {
    einsum::Simulator simulator({.slots = options.choice.plan.slots,
                                 .levels = std::max(options.choice.plan.levels, plan.levels()),
                                 .scale_bits = options.choice.plan.scale_bits,
                                 .first_bits = options.choice.plan.first_bits});
    answer = run_on(simulator, plan, tensors, context);
  } else {
    einsum::Engine engine(params, options.choice.plan.slots,
                          {.keys_on_use = true, .pool = &context.pool(), .log = &context.log});
    answer = run_on(engine, plan, tensors, context);
  }
  const Tensor wanted = einsum::in_the_clear(options.expression, tensors, context.pool());
  for (std::int64_t i = 0; i < elements(wanted.type().shape); ++i)
    answer.error = std::max(
        answer.error, std::abs(get(wanted.view(), i) - get(answer.result.outputs[0].view(), i)));
  return answer;
}

void print_answer(const Answer& answer, const EinsumOptions& options, const Invocation& context) {
  const TensorType& type = answer.result.outputs[0].type();
  print_line(context.out, "result",
             fmt::format("{}{}", to_string(type),
                         options.out.empty() ? "" : ", written to " + options.out));
  std::string time =
      fmt::format("{:.3f} s for the keys, {:.3f} s to encrypt and decrypt, {:.3f} s to evaluate",
                  answer.key_seconds, answer.client_seconds, answer.seconds);
  if (answer.predicted_seconds)
    time += fmt::format(" ({:.3f} predicted)", *answer.predicted_seconds);
  print_line(context.out, "time", time);
  print_line(context.out, "error",
             fmt::format("{:.2e}, at most {:.2e}", answer.error, answer.result.error_bound));
}

// The chosen one and, where they are to be told of, those that it was preferred to.
std::vector<einsum::Plan> planned(const EinsumOptions& options,
                                  const std::vector<TensorView>& views,
                                  const einsum::PlanOptions& how) {
  const std::vector<einsum::EinsumOperand> operands = operands_of(options, views);
  einsum::Stage stage{options.expression, std::vector<int>(operands.size())};
  std::iota(stage.operands.begin(), stage.operands.end(), 0);
  const bool told = options.explain || !options.report.empty();
  return einsum::alternatives(std::span(&stage, 1), operands, how, told ? kCompared : 1);
}

// In a plan of too many steps to follow every slot, why there are none.
std::string slots_text(const einsum::Plan& plan) {
  try {
    return einsum::stages_text(einsum::draw(plan));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::capacity) throw;
    return std::string(error.what()) + "\n";
  }
}

std::string explanation(const std::vector<einsum::Plan>& plans) {
  return einsum::explain(plans.front()) + "\n" + slots_text(plans.front()) + "\n" +
         einsum::compared_text(plans);
}

void write_report(const std::string& path, const std::vector<einsum::Plan>& plans) {
  const einsum::Drawing drawing = einsum::draw(plans.front());
  write_file(path, extension(path) == ".html" ? einsum::plan_page(drawing, plans)
                                              : einsum::stages_svg(drawing));
}

int run_einsum(const EinsumOptions& options, const Invocation& context) {
  if (!options.keys.empty())
    return run_evaluate({.expression = options.expression,
                         .keys = options.keys,
                         .out = options.out,
                         .files = options.files,
                         .dry_run = options.dry_run},
                        context);
  check_report_path(options.report);
  std::vector<Tensor> tensors;
  for (const std::string& file : options.files) tensors.push_back(read_array(file));
  std::vector<TensorView> views;
  for (const Tensor& each : tensors) views.push_back(each.view());
  Operations planning(context, "einsum", "a plan");
  const auto make = [&](einsum::PlanOptions how) {
    how.watch = planning.watch();
    return planned(options, views, how);
  };
  const Fitted chosen = options.simulate
                            ? Fitted{options.choice.plan, make(options.choice.plan), {}, {}}
                            : fitted(options.choice, make);
  const std::vector<einsum::Plan>& plans = chosen.plans;
  const einsum::Plan& plan = plans.front();
  nlohmann::ordered_json json = plan_json(plan);
  if (!context.common.json) {
    context.out << (options.explain ? explanation(plans)
                                    : einsum::to_string(einsum::counts(plan.program)) + "\n");
    context.out << std::flush;
  }
  if (!options.report.empty()) {
    write_report(options.report, plans);
    json["report"] = options.report;
    if (!context.common.json) print_line(context.out, "report", "written to " + options.report);
  }
  if (!options.simulate) {
    const Resident& bytes = chosen.resident;
    json.update({{"parameters", describe(chosen.params)},
                 {"key_bytes", bytes.keys},
                 {"all_key_bytes", bytes.all_keys},
                 {"plaintext_bytes", bytes.plaintexts}});
    if (!context.common.json) {
      print_line(context.out, "keys", keys_text(bytes));
      print_line(context.out, "plaintexts", bytes_text(bytes.plaintexts));
    }
  }
  if (!options.dry_run) {
    const Answer answer = compute(options, plan, chosen.params, views, context);
    if (!options.out.empty()) write_file(options.out, npy_bytes(answer.result.outputs[0].view()));
    json.update({{"key_seconds", answer.key_seconds},
                 {"client_seconds", answer.client_seconds},
                 {"seconds", answer.seconds},
                 {"max_abs_error", answer.error},
                 {"error_bound", answer.result.error_bound}});
    if (answer.predicted_seconds) json["predicted_seconds"] = *answer.predicted_seconds;
    if (!context.common.json) print_answer(answer, options, context);
  }
  if (context.common.json) print_json(context.out, json);
  return success;
}

std::vector<Option> more_options(EinsumOptions& options) {
  const char* agreed = "that was decided when the keys were made";
  return {option("keys", "FILE", options.keys,
                 "compute on ciphertexts, with eval.keys as pliant keys new wrote it")
              .path()
              .excludes("--encrypt", agreed)
              .excludes("--magnitude", agreed)
              .excludes("--planner", agreed)
              .excludes("--canonical", agreed)
              .excludes("--free-inputs", agreed)
              .excludes("--complex-slots", agreed)
              .excludes("--slots", agreed)
              .excludes("--levels", agreed)
              .excludes("--scale-bits", agreed)
              .excludes("--security", agreed)
              .excludes("--memory", agreed)
              .excludes("--simulate", "there are ciphertexts")
              .excludes("--explain", "pliant keys new made the plan")
              .excludes("--report", "pliant keys new made the plan"),
          option("out", "FILE", options.out,
                 "write the result as a NumPy array; with --keys, as ciphertexts")
              .with_letter('o')
              .written(),
          flag("explain", options.explain,
               "print the whole plan: layouts, steps, slots before and after them, what was "
               "rejected and what it would cost"),
          option("report", "FILE", options.report,
                 "draw the plan: a page to look at (.html), or the slots alone (.svg)")
              .written(),
          flag("simulate", options.simulate,
               "run without encryption, with levels, scales and bounds checked"),
          flag("dry-run", options.dry_run, "plan only")
              .excludes("--simulate", "nothing runs")
              .excludes("--out", "nothing is computed")};
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
           "is part of the plan, which is public. docs/encrypted.md says what is promised.",
           "With --json: rotations, key_switches, products, plain_muls, levels, keys, exact "
           "(whether no plan of the layouts considered costs less), parameters, "
           "key_bytes and plaintext_bytes (in memory, at most at once), all_key_bytes, "
           "key_seconds, "
           "client_seconds (to encrypt and decrypt), seconds (to evaluate), predicted_seconds "
           "(from what single operations take here), max_abs_error, error_bound; with --keys the "
           "counts, key_bytes, plaintext_bytes, seconds (keys are read meanwhile), error_bound, "
           "out."},
      .arguments = {argument("EXPRESSION", options->expression,
                             "as numpy.einsum has it: \"ik,kj->ij\", ellipses too"),
                    argument("FILES", options->files, "the operands").path()},
      .options = plan_options(options->choice),
      .examples = {{"pliant einsum \"ik,k->i\" weights.npy x.npy --encrypt 1",
                    "plain weights times an encrypted vector"},
                   {"pliant einsum \"bthd,bThd->bhtT\" q.npy k.npy --dry-run --explain",
                    "what scores of attention would cost, and why"},
                   {"pliant einsum \"ij,jk->ik\" a.npy b.npy --dry-run --report plan.html",
                    "a page that draws what the slots hold, step by step"},
                   {"pliant einsum \"ij->ji\" a.npy --canonical --json", "for a script"},
                   {"pliant einsum \"ik,k->i\" weights.npy x.ct --keys eval.keys --out y.ct",
                    "the server's part: on a ciphertext, without the secret key"}}};
  const auto more = more_options(*options);
  command.options.insert(command.options.end(), more.begin(), more.end());
  return {std::move(command),
          [options](const Invocation& context) { return run_einsum(*options, context); }};
}

}  // namespace pliant::cli
