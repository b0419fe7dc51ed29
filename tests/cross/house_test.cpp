// The house test: the same graph and inputs on every machine, compared with the oracle.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "cross/fixed_graphs.h"
#include "cross/machines.h"
#include "cross/oracle_machine.h"
#include "cross/tolerances.h"
#include "graph/random_graph.h"
#include "graph/reference/random_weights.h"
#include "machine/run_once.h"

namespace pliant::cross {
namespace {

struct Subject {
  std::string name;
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<const WeightStore> weights;
  std::vector<Tensor> inputs;
  std::int64_t rows = 0;

  Subject(std::string name, Graph graph, std::uint64_t seed, std::int64_t rows = 0)
      : name(std::move(name)), graph(std::make_shared<const Graph>(std::move(graph))), rows(rows) {
    Rng rng(seed, 1);
    weights = std::make_shared<const WeightStore>(random_weights(*this->graph, seed));
    inputs = random_inputs(*this->graph, rng, rows);
  }
};

std::vector<Tensor> run_on(Machine& machine, const Subject& subject, ThreadPool& pool) {
  return run_once(machine, subject.graph, subject.weights, views_of(subject.inputs), pool,
                  subject.rows);
}

// The values of a run that showed all of them, leaves included.
std::map<ValueId, Tensor> all_values(const Subject& subject, std::vector<Tensor> outputs) {
  const Graph& graph = *subject.graph;
  std::map<ValueId, Tensor> values;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    values.insert_or_assign(graph.outputs()[i], std::move(outputs[i]));
  for (std::size_t i = 0; i < subject.inputs.size(); ++i)
    values.insert_or_assign(graph.inputs()[i], subject.inputs[i].copy());
  for (const ValueId id : graph.values().ids()) {
    const Value& value = graph.value(id);
    if (value.role == Role::weight)
      values.insert_or_assign(id, decode(subject.weights->at(value.name)));
    if (value.role == Role::constant) values.insert_or_assign(id, value.constant->copy());
  }
  return values;
}

// Every operator alone: the oracle, given the machine's own operands, must find the machine's
// results. So errors do not add up over a graph, and the table says what one operator may be off
// by. Returns what disagreed.
std::string local_disagreement(const Contestant& contestant, Machine& machine, const Subject& whole,
                               ThreadPool& pool) {
  std::vector<ValueId> shown;
  for (const Op& op : whole.graph->ops()) shown.insert(shown.end(), op.out.begin(), op.out.end());
  Subject subject =
      Subject(whole.name, observe(*whole.graph, shown, Statistic::value), 0, whole.rows);
  subject.weights = whole.weights;
  for (std::size_t i = 0; i < whole.inputs.size(); ++i) subject.inputs[i] = whole.inputs[i].copy();
  const auto values = all_values(subject, run_on(machine, subject, pool));
  for (const Op& op : subject.graph->ops()) {
    std::vector<TensorView> operands, results;
    std::vector<Tensor> wanted;
    for (const ValueId id : op.in) operands.push_back(values.at(id).view());
    for (const ValueId id : op.out)
      results.push_back(wanted.emplace_back(values.at(id).type()).view());
    evaluate(op, operands, results, pool);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto verdict = agrees(values.at(op.out[i]).view(), results[i],
                                  tolerance(contestant.machine, *subject.graph, op));
      if (!verdict)
        return contestant.name + ", " + subject.name + ", " + std::string(name(op.kind)) + " " +
               op.name + ": " + verdict.message();
    }
  }
  return "";
}

// A whole graph, fused as the machine likes; errors add up.
std::string whole_disagreement(const Contestant& contestant, Machine& machine,
                               const Subject& subject, ThreadPool& pool) {
  constexpr double whole_graph = 1e-3;
  const auto wanted = evaluate(*subject.graph, *subject.weights, views_of(subject.inputs), pool,
                               {subject.rows, {}});
  const auto got = run_on(machine, subject, pool);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (const auto verdict = agrees(got[i].view(), wanted[i].view(), whole_graph); !verdict)
      return contestant.name + ", " + subject.name + ", output " +
             subject.graph->output_names()[i] + ": " + verdict.message();
  return "";
}

using Check = std::string (*)(const Contestant&, Machine&, const Subject&, ThreadPool&);

// A machine may refuse operators by name, but not most of the graphs.
void expect_agreement(const std::vector<Subject>& subjects, Check check) {
  ThreadPool pool(1);
  for (const Contestant& contestant : contestants()) {
    const auto machine = contestant.make();
    std::size_t refused = 0;
    for (const Subject& subject : subjects) {
      if (const auto refusals = machine->refuses(*subject.graph); !refusals.empty()) {
        ++refused;
        continue;
      }
      EXPECT_EQ(check(contestant, *machine, subject, pool), "");
    }
    if (refused > 0)
      std::printf("%s refused %zu of %zu graphs\n", contestant.name.c_str(), refused,
                  subjects.size());
    EXPECT_LT(2 * refused, subjects.size()) << contestant.name;
  }
}

std::vector<Subject> random_subjects(std::uint64_t count, const RandomGraphOptions& options,
                                     std::int64_t rows = 0) {
  std::vector<Subject> subjects;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    Rng rng(seed);
    subjects.emplace_back("seed " + std::to_string(seed), random_graph(rng, options), seed, rows);
  }
  return subjects;
}

std::vector<Subject> fixed_subjects() {
  std::vector<Subject> subjects;
  for (auto& [name, graph] : fixed_graphs()) subjects.emplace_back(name, std::move(graph), 5);
  for (auto& [name, graph] : fixed_graphs())
    if (graph.rows() > 0) subjects.emplace_back(name + " run short", std::move(graph), 6, 5);
  return subjects;
}

TEST(House, EachOperatorOfRandomGraphsAgrees) {
  expect_agreement(random_subjects(24, {}), local_disagreement);
}

TEST(House, EachOperatorOfRandomRowGraphsAgrees) {
  expect_agreement(random_subjects(16, {.rows = 6}), local_disagreement);
}

TEST(House, EachOperatorOfShortRunsAgrees) {
  expect_agreement(random_subjects(16, {.rows = 6}, 3), local_disagreement);
}

TEST(House, RandomGraphsAgreeAsAWhole) {
  expect_agreement(random_subjects(24, {.integers = false}), whole_disagreement);
  expect_agreement(random_subjects(12, {.rows = 6, .integers = false}, 4), whole_disagreement);
}

TEST(House, FixedGraphsAgree) {
  expect_agreement(fixed_subjects(), local_disagreement);
  expect_agreement(fixed_subjects(), whole_disagreement);
}

// A product with a weight as it is stored, with rows 2 to 4 of it (folded out as they are written),
// and a vector.
Graph encoded_graph(std::int64_t rows) {
  Builder b;
  const ValueId x = b.row_input("x", {DType::f32, {rows, 256}}),
                w = b.weight("w", {DType::f32, {6, 256}});
  b.output(b.einsum("rd,od->ro", {x, w}));
  b.output(b.einsum("rd,od->ro", {x, b.slice(w, 0, 2, 3)}));
  b.output(b.map(argument(0) * argument(1), {x, b.weight("v", {DType::f32, {256}})}));
  return b.finish();
}

// How far a product may be off because x is rounded to 8 bits in blocks of 32.
double rounding_of(const Tensor& x, const Tensor& w, std::int64_t row, std::int64_t column) {
  double bound = 1e-6;
  for (std::int64_t block = 0; block < 256; block += 32) {
    double largest = 0, weights = 0;
    for (std::int64_t i = block; i < block + 32; ++i) {
      largest = std::max(largest, std::abs(get(x.view(), row * 256 + i)));
      weights += std::abs(get(w.view(), column * 256 + i));
    }
    bound += largest / 254 * weights * 1.0001;
  }
  return bound;
}

// `first`: the row of w that the first column is of.
void expect_near(const Tensor& found, const Tensor& wanted, const Tensor& x, const Tensor& w,
                 std::int64_t first, const std::string& what) {
  const std::int64_t columns = wanted.type().shape[1];
  for (std::int64_t i = 0; i < elements(wanted.type().shape); ++i)
    EXPECT_LE(std::abs(get(found.view(), i) - get(wanted.view(), i)),
              rounding_of(x, w, i / columns, first + i % columns))
        << what << ", element " << i;
}

// Rows meet blocks rounded; everything else gives the bits of decoded weights. Every instruction
// set gives the same.
TEST(House, EncodedWeightsAreTheirDecodedValues) {
  ThreadPool pool(1);
  for (const std::int64_t rows : {1, 5, 40}) {
    Subject subject("encoded", encoded_graph(rows), 3);
    const WeightStore plain = *subject.weights;
    for (int i = 1; i < encoding_count; ++i) {
      const auto encoding = static_cast<Encoding>(i);
      WeightStore encoded, decoded;
      plain.for_each([&](const std::string& name, const Stored& stored) {
        const auto bytes = std::make_shared<const std::vector<std::byte>>(
            encode(decode(stored).view(), encoding, name));
        encoded.add(name, {stored.type, encoding, *bytes}, bytes);
        decoded.add(name, decode(encoded.at(name)));
      });
      std::optional<Tensor> first;
      for (const Contestant& contestant : contestants()) {
        const std::string what =
            fmt::format("{}, {}, {} rows", contestant.name, name(encoding), rows);
        const auto machine = contestant.make();
        subject.weights = std::make_shared<const WeightStore>(encoded);
        const auto found = run_on(*machine, subject, pool);
        subject.weights = std::make_shared<const WeightStore>(decoded);
        const auto wanted = run_on(*machine, subject, pool);
        // The kernels of encoded weights multiply and add at once everywhere, others where they
        // can.
        const bool exact = contestant.name.ends_with(" exact");
        const bool fused = contestant.name.find("scalar") == std::string::npos &&
                           contestant.name.find("sse4") == std::string::npos;
        const bool rounds = is_half(encoding) ? rows <= 16 && !fused : rows <= 16 || !exact;
        for (std::size_t out = rounds ? 2 : 0; out < wanted.size(); ++out)
          EXPECT_TRUE(std::ranges::equal(found[out].raw(), wanted[out].raw()))
              << what << ", output " << out;
        if (!rounds) continue;
        const Tensor w = decode(decoded.at("w"));
        expect_near(found[0], wanted[0], subject.inputs[0], w, 0, what);
        expect_near(found[1], wanted[1], subject.inputs[0], w, 2, what);
        if (!contestant.name.starts_with("native")) continue;
        if (exact && rows > 16) continue;
        if (!first) first = found[0].copy();
        EXPECT_TRUE(std::ranges::equal(found[0].raw(), first->raw())) << what;
      }
    }
  }
}

// A machine whose last output is wrong in one element.
class WrongProgram : public OracleProgram {
 public:
  using OracleProgram::OracleProgram;
  void run(const Bindings& bindings, Workspace& workspace) const override {
    OracleProgram::run(bindings, workspace);
    set(bindings.outputs.back(), 1, get(bindings.outputs.back(), 1) + 0.01);
  }
};
class WrongMachine : public OracleMachine {
 public:
  std::unique_ptr<Program> prepare(std::shared_ptr<const Graph> graph,
                                   std::shared_ptr<const WeightStore> weights) override {
    return std::make_unique<WrongProgram>(std::move(graph), std::move(weights));
  }
};

TEST(House, CatchesAMachineThatIsWrongInOneElement) {
  ThreadPool pool(1);
  const Contestant contestant{"wrong", "native", {}};
  const Subject subject("classifier", classifier(), 1);
  WrongMachine wrong;
  OracleMachine right;
  EXPECT_NE(local_disagreement(contestant, wrong, subject, pool), "");
  EXPECT_NE(whole_disagreement(contestant, wrong, subject, pool), "");
  EXPECT_EQ(local_disagreement(contestant, right, subject, pool), "");
}

TEST(Tolerances, MeasureInSpreads) {
  const auto close = [](std::vector<double> a, std::vector<double> b, double tolerance) {
    return static_cast<bool>(agrees(Tensor::of(DType::f32, {2}, a).view(),
                                    Tensor::of(DType::f32, {2}, b).view(), tolerance));
  };
  EXPECT_TRUE(close({-1, 1.5}, {-1, 1}, 0.6));  // the spread is 1
  EXPECT_FALSE(close({-1, 1.5}, {-1, 1}, 0.4));
  // a tenth of the largest is 11, more than the spread
  EXPECT_TRUE(close({90, 110.5}, {90, 110}, 0.05));
  EXPECT_FALSE(close({90, 110.5}, {90, 110}, 0.04));
  EXPECT_TRUE(close({7, 7.5}, {7, 7}, 0.1));  // no spread: of the magnitude
  EXPECT_FALSE(close({7, std::nan("")}, {7, 8}, 10));
  EXPECT_TRUE(close({7, INFINITY}, {7, INFINITY}, 0));
  EXPECT_FALSE(close({7, INFINITY}, {7, -INFINITY}, 10));
}

TEST(Tolerances, KnowTheLengthOfSums) {
  const Graph graph = image_network();
  std::map<std::string, std::int64_t> lengths;
  for (const Op& op : graph.ops()) lengths[op.name] = reduction_length(graph, op);
  EXPECT_EQ(lengths.at("stem"), 27);
  EXPECT_EQ(lengths.at("a"), 144);
  EXPECT_EQ(lengths.at("depthwise"), 9);
  EXPECT_EQ(lengths.at("excite"), 16);
}

}  // namespace
}  // namespace pliant::cross
