// Einsum on ciphertexts: what plans cost and how exact they are, in CPU time of one thread.
//
//   bench-encrypted [--alternatives | --steps] [--only NAME]...
//
// First the benchmarks of EinHops (arXiv 2507.07972): 16,384 slots, N = 2^15, 128-bit secure,
// inputs at level 3 (or what the published plan needs), results row by row; its published algorithm
// and our plans on the same engine, encoding apart; where PLIANT_PEER_DESILO names a Python with
// desilofhe, that algorithm on the engine of its own code, too. Then what it cannot do. With
// --alternatives, instead of all that, our plans beside those that they were preferred to; with
// --steps, where their time goes and what was predicted.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include "alternatives.h"
#include "core/units.h"
#include "machine/encrypted/einsum/backend/in_the_clear.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "measure.h"
#include "peer.h"
#include "steps.h"

namespace {

using namespace pliant;
using namespace pliant::bench;
using einsum::EinsumOperand;
using einsum::Plan;

// One for each number of levels, with the keys of all that ran on it.
class Engines {
 public:
  einsum::Engine& at(int levels) {
    auto& engine = engines_[levels];
    if (!engine) engine = std::make_unique<einsum::Engine>(parameters(levels), kSlots);
    return *engine;
  }
  std::int64_t key_bytes() const {
    std::size_t sum = 0;
    for (const auto& [levels, engine] : engines_) sum += engine->key_bytes();
    return static_cast<std::int64_t>(sum);
  }

 private:
  std::map<int, std::unique_ptr<einsum::Engine>> engines_;
};

std::string counts_text(const Plan& plan) {
  const einsum::Counts counts = einsum::counts(plan.program);
  return fmt::format("{:>4} /{:>5} /{:>4}", counts.rotations,
                     counts.diagonals + counts.plain_products, counts.keys);
}

std::string error_text(const Measured& of) {
  return fmt::format("{:.1e}, bound {:>4.1f} x", of.error, of.error > 0 ? of.bound / of.error : 0);
}

struct Row {
  const einsum::Benchmark& of;
  Plan published, ours;
  Measured slow, fast;
  bool tie() const {
    return einsum::counts(published.program).rotations == einsum::counts(ours.program).rotations;
  }
};

class Published {
 public:
  explicit Published(const std::set<std::string>& only) {
    for (const einsum::Benchmark& each : einsum::kBenchmarks)
      if (only.empty() || only.contains(each.name)) chosen_.push_back(&each);
  }

  void run() {
    if (chosen_.empty()) return;
    fmt::print(
        "rotations / plaintext products / keys; ms, and ms of encoding\n{:<18}{:^40}{:^40}\n", "",
        "published algorithm", "ours");
    for (const einsum::Benchmark* each : chosen_) row(*each);
    summary();
    peer();
  }

 private:
  void row(const einsum::Benchmark& benchmark) {
    const auto operands = einsum::all_secret(benchmark.shapes);
    Row row{benchmark,
            einsum::plan(benchmark.expression, operands, {.planner = einsum::Planner::einhops}),
            einsum::plan(benchmark.expression, operands, {.canonical = true}),
            {},
            {}};
    const int level = std::max({3, row.published.levels(), row.ours.levels()});
    row.published = at_level(std::move(row.published), level);
    row.ours = at_level(std::move(row.ours), level);
    const std::vector<Tensor> tensors = random_tensors(benchmark.shapes),
                              expected = answers(benchmark.expression, tensors);
    row.fast = measure(engines_.at(level), row.ours, tensors, expected);
    const std::size_t resident = resident_key_bytes(engines_.at(level).context(), row.ours.program);
    most_keys_ = std::max(most_keys_, resident);
    sum_of_keys_ += resident;
    {
      einsum::Engine engine(parameters(level), kSlots);  // goes with its many keys
      row.slow = measure(engine, row.published, tensors, expected);
    }
    fmt::print("{:<18}{} {:>8.1f} +{:>7.1f}   {} {:>8.1f} +{:>7.1f}  {:>5.1f} x  {}\n",
               benchmark.name, counts_text(row.published), row.slow.ms, row.slow.encode_ms,
               counts_text(row.ours), row.fast.ms, row.fast.encode_ms, row.slow.ms / row.fast.ms,
               error_text(row.fast));
    std::fflush(stdout);
    rows_.push_back(std::move(row));
  }

  void summary() const {
    std::vector<double> differ, tie, bounds;
    double error = 0, loosest = 0;
    for (const Row& row : rows_) {
      (row.tie() ? tie : differ).push_back(row.slow.ms / row.fast.ms);
      error = std::max(error, row.fast.error);
      loosest = std::max(loosest, row.fast.bound / row.fast.error);
    }
    fmt::print(
        "published / ours, geometric mean: {:.2f} over {} plans that differ in rotations, "
        "{:.2f} over {} that do not\n",
        geometric_mean(differ), differ.size(), geometric_mean(tie), tie.size());
    fmt::print(
        "resident keys, each from its first to its last use: {} at most for one plan, {} if all "
        "ran at once; {} where all are held for good\n"
        "error at most {:.1e}, bound at most {:.1f} times the error\n",
        bytes_text(static_cast<std::int64_t>(most_keys_)),
        bytes_text(static_cast<std::int64_t>(sum_of_keys_)), bytes_text(engines_.key_bytes()),
        error, loosest);
  }

  void peer() const {
    std::vector<PeerCase> cases;
    for (const Row& row : rows_) cases.push_back({row.of.name, row.of.expression, row.of.shapes});
    if (!has_peer()) return;
    fmt::print("\nthe published algorithm on desilofhe: ms, and ms of encoding; times ours\n");
    std::fflush(stdout);
    std::vector<double> ratios;
    run_peer(cases, [&](std::size_t i, const PeerRow& other) {
      ratios.push_back(other.ms / rows_.at(i).fast.ms);
      fmt::print("{:<18}{:>9.1f} +{:>8.1f}  {:>6.1f} x  error {:.1e}\n", rows_[i].of.name, other.ms,
                 other.encode_ms, ratios.back(), other.error);
      std::fflush(stdout);
    });
    fmt::print("geometric mean {:.1f}, least {:.1f}\n", geometric_mean(ratios),
               *std::ranges::min_element(ratios));
  }

  std::vector<const einsum::Benchmark*> chosen_;
  Engines engines_;
  std::vector<Row> rows_;
  std::size_t most_keys_ = 0, sum_of_keys_ = 0;  // at once, of one plan and of all
};

void print_plan(const std::string& name, const Plan& plan, const Measured& measured) {
  fmt::print("{:<44}{} {:>8.1f} +{:>7.1f}  {}\n", name, counts_text(plan), measured.ms,
             measured.encode_ms, error_text(measured));
  std::fflush(stdout);
}

// What one ciphertext cannot hold, each on parameters of its own.
struct Larger {
  const char *name, *expression;
  std::vector<Shape> shapes;
  std::set<std::size_t> clear = {};
  std::vector<einsum::SlotLayout> packed =
      {};  // how the operands are encrypted: row-major if not said
  bool free_inputs = false, complex_slots = false;  // packed as suits the plan; two to a slot
};
// The batch runs through 256 neighbouring slots; rows and columns of 2 * 8 over ciphertexts and
// slots.
einsum::SlotLayout batch_inside(const char* labels) {
  return {.slots = 16384,
          .axes = {{labels[0], 256, 1},
                   {labels[1], 2, 32768},
                   {labels[2], 8, 2048},
                   {labels[3], 2, 16384},
                   {labels[4], 8, 256}}};
}
const std::vector<Larger> kLarger{
    {"256 products of 16x16 by 16x16", "bij,bjk->bik", {{256, 16, 16}, {256, 16, 16}}},
    {"the same, packed as suits the plan",
     "bij,bjk->bik",
     {{256, 16, 16}, {256, 16, 16}},
     {},
     {},
     true},
    {"the same, the batch in neighbouring slots",
     "bIiJj,bJjKk->bIiKk",
     {{256, 2, 8, 2, 8}, {256, 2, 8, 2, 8}},
     {},
     {batch_inside("bIiJj"), batch_inside("bJjKk")}},
    {"512x512 in the clear times 512x64", "ij,jk->ik", {{512, 512}, {512, 64}}, {0}},
    {"256x128 times 128x128 in the clear", "bi,ij->bj", {{256, 128}, {128, 128}}, {1}},
    {"the same in complex slots", "bi,ij->bj", {{256, 128}, {128, 128}}, {1}, {}, false, true},
    {"contraction over 4 ciphertexts", "ijk,ijk->i", {{16, 64, 64}, {16, 64, 64}}},
};

void larger(const Larger& of) {
  std::vector<EinsumOperand> operands = einsum::all_secret(of.shapes);
  for (const std::size_t i : of.clear) operands[i].secret = false;
  for (std::size_t i = 0; i < of.packed.size(); ++i) operands[i].layout = of.packed[i];
  const Plan plan = einsum::plan(
      of.expression, operands, {.free_inputs = of.free_inputs, .complex_slots = of.complex_slots});
  einsum::Engine engine(parameters(plan.levels()), kSlots);
  const std::vector<Tensor> tensors = random_tensors(of.shapes);
  print_plan(of.name, plan, measure(engine, plan, tensors, answers(of.expression, tensors)));
}

constexpr const char* kProjections = "Q, K and V of one encrypted 64x128";

// Three transforms of one encrypted matrix, planned together and one by one.
void shared() {
  const std::vector<EinsumOperand> operands{
      {{64, 128}}, {{128, 128}, false}, {{128, 128}, false}, {{128, 128}, false}};
  const std::vector<einsum::Stage> stages{
      {"sd,de->se", {0, 1}}, {"sd,de->se", {0, 2}}, {"sd,de->se", {0, 3}}};
  const Plan together = einsum::plan(stages, operands);
  const Plan one = einsum::plan("sd,de->se", std::vector{operands[0], operands[1]});
  const std::vector<Tensor> tensors =
      random_tensors({{64, 128}, {128, 128}, {128, 128}, {128, 128}});
  ThreadPool pool(1);
  std::vector<Tensor> expected;
  for (const int weight : {1, 2, 3})
    expected.push_back(einsum::in_the_clear(
        "sd,de->se", std::vector{tensors[0].view(), tensors[weight].view()}, pool));
  einsum::Engine engine(parameters(std::max(together.levels(), one.levels())), kSlots);
  const Measured joint = measure(engine, together, tensors, expected);
  std::vector<Tensor> pair = random_tensors({{64, 128}, {128, 128}}), first;
  first.push_back(einsum::in_the_clear("sd,de->se", views(pair), pool));
  const Measured alone = measure(engine, one, pair, first);
  print_plan(kProjections, together, joint);
  print_plan("one of them", one, alone);
  fmt::print("together / three times one: key switches {:.2f}, ms {:.2f}\n",
             static_cast<double>(einsum::counts(together.program).key_switches) /
                 static_cast<double>(3 * einsum::counts(one.program).key_switches),
             joint.ms / (3 * alone.ms));
}

// Where the layout of the result is left to the plan.
void free_layout() {
  for (const einsum::Benchmark& each : einsum::kBenchmarks) {
    if (std::string_view(each.name) != "multi-head scores") continue;
    const Plan plan = einsum::plan(each.expression, einsum::all_secret(each.shapes));
    einsum::Engine engine(parameters(plan.levels()), kSlots);
    const std::vector<Tensor> tensors = random_tensors(each.shapes);
    print_plan("multi-head scores, free layout", plan,
               measure(engine, plan, tensors, answers(each.expression, tensors)));
  }
}

// A chain of 20 levels is beyond 128-bit security at this ring: it is here because others are timed
// on it.
void rotation() {
  const ckks::Context context(
      {.log_n = 15, .levels = 20, .scale_bits = 45, .insecure_for_tests = true});
  ckks::KeyGenerator generator(context);
  const ckks::SecretKey secret = generator.secret_key();
  ckks::KeySet keys;
  keys.add(generator.rotation_key(secret, 1));
  ckks::Encoder encoder(context);
  ckks::Encryptor encryptor(context, secret);
  ckks::Evaluator evaluator(context);
  const ckks::Ciphertext in = encryptor.encrypt(encoder, std::vector<double>(context.slots(), 0.5));
  ckks::Ciphertext out;
  std::vector<double> times;
  for (int i = 0; i < 11; ++i) {
    const double begin = cpu_ms();
    evaluator.rotate(in, 1, keys, out);
    times.push_back(cpu_ms() - begin);
  }
  fmt::print("rotation at N = 2^15, 20 levels, {} digits: {:.1f} ms\n", context.params().digits,
             median(times));
}

constexpr const char* kHelp =
    "bench-encrypted [--alternatives | --steps] [--only NAME]...: einsum on ciphertexts, the "
    "benchmarks of EinHops (--only transpose, ...)\nby its published algorithm and by our plans, "
    "then larger ones; or our plans and those that they were preferred to;\n"
    "or the time of every kind of operation beside what was predicted.\n"
    "PLIANT_PEER_DESILO: a Python with desilofhe and numpy, to compare with.\n";

struct Chosen {
  std::set<std::string> only;
  bool alternatives = false, steps = false;
};
Chosen chosen(int argc, char** argv) {
  Chosen result;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--alternatives") result.alternatives = true;
    else if (option == "--steps") result.steps = true;
    else if (option == "--only" && i + 1 < argc) result.only.insert(argv[++i]);
    else
      throw std::runtime_error(
          fmt::format("{}: the options are --alternatives, --steps and --only NAME", option));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    fmt::print("{}", kHelp);
    return 0;
  }
  const auto [only, alternatives, steps] = chosen(argc, argv);
  if (alternatives) {
    run_alternatives(only);
    return 0;
  }
  if (steps) {
    run_steps(only);
    return 0;
  }
  Published(only).run();
  const auto is_chosen = [&names = only](const char* name) {
    return names.empty() || names.contains(name);
  };
  fmt::print("\nlayouts of results as they fall\n");
  if (only.empty()) free_layout();
  for (const Larger& each : kLarger)
    if (is_chosen(each.name)) larger(each);
  if (is_chosen(kProjections)) shared();
  if (only.empty()) rotation();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench-encrypted: {}\n", error.what());
  return 1;
}
