// Exported headers, compiled by a C and a C++ compiler into a firmware of hash operators, which
// runs them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "machine/scratchpad/execute.h"
#include "plan/export/c_header.h"
#include "plan/export/identifiers.h"
#include "plan/export/shipment.h"
#include "plan/random_problem.h"
#include "plan/solve.h"
#include "plan/steady.h"

namespace pliant::plan {
namespace {

constexpr std::uint64_t key = 7;
constexpr const char* c_flags = " -std=c99 -Wall -Wextra -Werror -pedantic -O1 -x c ";
constexpr const char* cpp_flags = " -std=c++11 -Wall -Wextra -Werror -pedantic -O1 -x c++ ";

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "pliant-export-" + std::to_string(getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string shapes(const Problem& problem) {
  std::string lists, table = "static const struct shape shapes[] = {\n";
  for (std::size_t op = 0; op < problem.operators.size(); ++op) {
    const Operator& each = problem.operators[op];
    lists += fmt::format("static const size_t shape{}[] = {{", op);
    for (const auto* list : {&each.inputs, &each.outputs})
      for (const TensorId t : *list) lists += fmt::format("{}, ", problem.tensors[t].bytes);
    lists += "0};\n";
    table += fmt::format("{{{}, {}, {}, shape{}}},\n", each.inputs.size(), each.outputs.size(),
                         each.workspace, op);
  }
  return lists + table + "};\n";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string joined(const scratchpad::Contents& contents, const Problem& problem, bool outputs) {
  std::string bytes;
  for (std::size_t t = 0; t < contents.size(); ++t)
    if ((problem.tensors[t].role == Role::output) == outputs)
      bytes.append(reinterpret_cast<const char*>(contents[t].data()), contents[t].size());
  return bytes;
}

void build(const Folder& folder, const Problem& problem, const Plan& plan,
           const std::string& network, const std::string& compiler_and_flags) {
  write_file(folder.at("plan.h"), plan_to_c(problem, plan, network));
  write_file(folder.at("shapes.h"), shapes(problem));
  const std::string prefix = prefix_of(network);
  const std::string command = fmt::format(
      "{} -DHEADER='\"{}\"' -DSHAPES='\"{}\"' -DPREFIX={} -DCAPITALS={} -D{}_COPY=counted_copy -o "
      "{} "
      "plan/export/firmware.c 2>&1",
      compiler_and_flags, folder.at("plan.h"), folder.at("shapes.h"), prefix, upper(prefix),
      upper(prefix), folder.at("firmware"));
  ASSERT_EQ(std::system(command.c_str()), 0) << command << "\n" << read_file(folder.at("plan.h"));
}

// Runs the firmware beside the scratchpad machine.
void run(const Folder& folder, const Problem& problem, const Plan& plan) {
  scratchpad::HashOperators operators(problem, key);
  const scratchpad::Contents contents = scratchpad::random_contents(problem, 3);
  const scratchpad::Execution wanted = scratchpad::execute(problem, plan, operators, contents);
  write_file(folder.at("given"), joined(contents, problem, false));
  const std::string command =
      fmt::format("{} {} {} {} > {}", folder.at("firmware"), folder.at("given"),
                  folder.at("results"), key, folder.at("copied"));
  ASSERT_EQ(std::system(command.c_str()), 0)
      << problem_to_json(problem) << plan_to_json(problem, plan);
  EXPECT_EQ(read_file(folder.at("results")), joined(wanted.outputs, problem, true))
      << problem_to_json(problem);
  EXPECT_EQ(std::stoll(read_file(folder.at("copied"))), plan.traffic_bytes + plan.compulsory_bytes);
  EXPECT_EQ(wanted.traffic_bytes() + wanted.compulsory_bytes,
            plan.traffic_bytes + plan.compulsory_bytes);
}

Plan plan_at_least_memory(const Problem& problem, std::int64_t alignment = 1) {
  ThreadPool pool(1);
  SolveOptions options;
  options.alignment = alignment;
  return solve(problem, required_size(problem, alignment).bytes, options, pool);
}

// Random problems that must spill, with weights, workspaces, outputs that are read again and
// tensors without bytes.
TEST(CHeader, RunsAsTheScratchpadMachineDoes) {
  const Folder folder;
  int spills = 0, done = 0;
  for (std::uint64_t seed = 0; done < 8; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 91);
    const Problem problem = random_problem(rng, {6, 14, 300});
    const Plan plan = plan_at_least_memory(problem, seed % 2 == 0 ? 1 : 8);
    if (plan.status != Status::optimal || plan.traffic_bytes == 0) continue;
    ++done;
    spills += ship(problem, plan).spill_bytes > 0;
    const bool cpp = seed % 3 == 0;
    ASSERT_NO_FATAL_FAILURE(
        build(folder, problem, plan, "models/2 Nets.onnx",
              cpp ? std::string(CXX_COMPILER) + cpp_flags : std::string(C_COMPILER) + c_flags));
    ASSERT_NO_FATAL_FAILURE(run(folder, problem, plan));
  }
  EXPECT_GE(spills, 4);
}

// Results written over an input: the kernel is given the same address twice.
TEST(CHeader, RunsResultsInPlace) {
  const Folder folder;
  int shared = 0;
  for (std::uint64_t seed = 0; shared < 3; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 93);
    Problem problem = random_problem(rng, {5, 10, 4});
    if (add_in_place_pairs(problem, rng) == 0) continue;
    const Plan plan = plan_at_least_memory(problem);
    if (plan.status != Status::optimal) continue;
    bool same = false;
    for (const ShippedStep& step : ship(problem, plan).steps)
      for (const std::int64_t output : step.outputs)
        same =
            same || (std::count(step.inputs.begin(), step.inputs.end(), output) > 0 && output > 0);
    if (!same) continue;
    ++shared;
    ASSERT_NO_FATAL_FAILURE(build(folder, problem, plan, "net", std::string(C_COMPILER) + c_flags));
    ASSERT_NO_FATAL_FAILURE(run(folder, problem, plan));
  }
}

TEST(CHeader, KeepsPinnedWeightsFromFrameToFrame) {
  const Folder folder;
  ThreadPool pool(1);
  int pinned = 0;
  for (std::uint64_t seed = 0; pinned < 2; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, 94);
    Problem problem = random_problem(rng, {4, 8, 50});
    for (TensorInfo& tensor : problem.tensors)
      if (tensor.role == Role::input) tensor.role = Role::weight;
    const Plan plan = solve_steady(problem, 2 * required_size(problem, 1).bytes, {}, pool);
    if (plan.status != Status::optimal || !plan.frame || plan.frame->pinned.empty()) continue;
    ++pinned;
    ASSERT_NO_FATAL_FAILURE(build(folder, problem, plan, "net", std::string(C_COMPILER) + c_flags));
    ASSERT_NO_FATAL_FAILURE(run(folder, problem, plan));
  }
}

Problem chain() { return {{{"x", 8, Role::input}, {"y", 8, Role::output}}, {{"f", {0}, {1}}}}; }

TEST(CHeader, NamesAreIdentifiersWithoutCollisions) {
  Problem problem = chain();
  problem.tensors = {{"a/b:0", 8, Role::input},
                     {"a_b_0", 8, Role::input},
                     {"a b 0_2", 8, Role::activation},
                     {"*/ int x; /* ?\?/ @p \"\\\n\xff", 8, Role::output}};
  problem.operators = {{"int", {0, 1}, {2}}, {"INT\"%s", {2}, {3}}};
  const Plan plan = plan_at_least_memory(problem);
  const std::string text = plan_to_c(problem, plan, "zoo:a*b\n");
  for (const char* part :
       {"a_b_tensor_a_b_0 = 0", "a_b_tensor_a_b_0_2 = 1", "a_b_tensor_a_b_0_2_2 = 2",
        "a_b_op_int = 0", "a_b_op_INT_s = 1", "#define A_B_SCRATCHPAD_BYTES 24u", R"("INT\042%s")",
        R"("*/ int x; /* \077\077/ @p \042\134\012\377")"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const Folder folder;
  for (const auto& compiler :
       {std::string(C_COMPILER) + c_flags, std::string(CXX_COMPILER) + cpp_flags}) {
    ASSERT_NO_FATAL_FAILURE(build(folder, problem, plan, "zoo:a*b\n", compiler));
    ASSERT_NO_FATAL_FAILURE(run(folder, problem, plan));
  }
  EXPECT_EQ(prefix_of("x/Net v2.onnx"), "net_v2");
  EXPECT_EQ(prefix_of("8bit.onnx"), "n8bit");
  EXPECT_EQ(prefix_of(".onnx"), "onnx");
  EXPECT_EQ(prefix_of("?"), "x");
}

// A plan that is only read by the compiler: sizes beyond 32 bits need wider tables.
TEST(CHeader, TakesTypesBySize) {
  const Folder folder;
  for (const std::int64_t bytes :
       {std::int64_t{100}, std::int64_t{1000}, std::int64_t{100'000}, std::int64_t{1} << 33}) {
    Problem problem = chain();
    for (TensorInfo& tensor : problem.tensors) tensor.bytes = bytes;
    const Plan plan = plan_at_least_memory(problem);
    const std::string text = plan_to_c(problem, plan, "net");
    const std::string type = bytes == 100       ? "uint8_t"
                             : bytes == 1000    ? "uint16_t"
                             : bytes == 100'000 ? "uint32_t"
                                                : "uint64_t";
    EXPECT_NE(text.find("  " + type + " bytes;"), std::string::npos) << text;
    for (const auto& compiler :
         {std::string(C_COMPILER) + c_flags, std::string(CXX_COMPILER) + cpp_flags})
      ASSERT_NO_FATAL_FAILURE(build(folder, problem, plan, "net", compiler));
  }
}

TEST(CHeader, SpilledTensorsShareTheSpillRegion) {
  // Two tensors that leave one after the other, each while a wide step runs.
  const Problem problem{{{"x", 4, Role::input},
                         {"a", 4, Role::activation},
                         {"w", 12, Role::activation},
                         {"b", 4, Role::activation},
                         {"v", 12, Role::activation},
                         {"y", 4, Role::output}},
                        {{"f", {0}, {1}},
                         {"g", {1}, {2}},
                         {"h", {2}, {3}},
                         {"i", {1, 3}, {0 + 4}},
                         {"j", {3, 4}, {5}}}};
  Plan plan;
  plan.scratchpad_bytes = 24;
  plan.order = {0, 1, 2, 3, 4};
  plan.workspaces = {0, 0, 0, 0, 0};
  plan.residencies = {{0, 0, 0, 8}, {1, 0, 1, 0}, {2, 1, 2, 4}, {3, 2, 4, 0},
                      {1, 3, 3, 4}, {4, 3, 4, 8}, {5, 4, 4, 20}};
  derive_events(problem, plan);
  const Shipment shipment = ship(problem, plan);
  EXPECT_EQ(shipment.spill_bytes, 4);
  EXPECT_EQ(shipment.spill, (std::vector<std::int64_t>{-1, 0, -1, -1, -1, -1}));
  ASSERT_EQ(shipment.steps.size(), 5u);
  EXPECT_EQ(shipment.steps[0].before.size(), 1u);
  EXPECT_EQ(shipment.steps[1].after.size(), 1u);
  EXPECT_EQ(shipment.steps[3].before.size(), 1u);
  EXPECT_EQ(shipment.steps[3].inputs, (std::vector<std::int64_t>{4, 0}));
  EXPECT_EQ(shipment.steps[4].after.size(), 1u);
}

// l moves down over its own bytes when r has gone, so that w fits above it.
TEST(CHeader, MovesTensorsWithinTheScratchpad) {
  const Problem problem{{{"x", 4, Role::input},
                         {"l", 12, Role::activation},
                         {"r", 4, Role::activation},
                         {"w", 8, Role::activation},
                         {"y", 4, Role::output}},
                        {{"f", {0}, {2}}, {"g", {2}, {1}}, {"h", {1}, {3}}, {"k", {1, 3}, {4}}}};
  Plan plan;
  plan.scratchpad_bytes = 24;
  plan.order = {0, 1, 2, 3};
  plan.workspaces = {0, 0, 0, 0};
  plan.residencies = {{0, 0, 0, 8}, {2, 0, 1, 0},  {1, 1, 1, 4},
                      {1, 2, 3, 0}, {3, 2, 3, 12}, {4, 3, 3, 20}};
  plan.events = {{0, Action::load, 0}, {2, Action::move, 1}, {3, Action::store, 4}};
  plan.compulsory_bytes = 8;
  const Shipment shipment = ship(problem, plan);
  ASSERT_EQ(shipment.steps[2].moves.size(), 1u);
  EXPECT_EQ(shipment.steps[2].moves[0].from, 4);
  EXPECT_EQ(shipment.steps[2].moves[0].to, 0);
  const Folder folder;
  for (const auto& compiler :
       {std::string(C_COMPILER) + c_flags, std::string(CXX_COMPILER) + cpp_flags}) {
    ASSERT_NO_FATAL_FAILURE(build(folder, problem, plan, "net", compiler));
    scratchpad::HashOperators operators(problem, key);
    const scratchpad::Contents contents = scratchpad::random_contents(problem, 3);
    write_file(folder.at("given"), joined(contents, problem, false));
    ASSERT_EQ(std::system(fmt::format("{} {} {} {} > {}", folder.at("firmware"), folder.at("given"),
                                      folder.at("results"), key, folder.at("copied"))
                              .c_str()),
              0);
    const scratchpad::Contents wanted =
        scratchpad::execute_unconstrained(problem, operators, contents);
    EXPECT_EQ(read_file(folder.at("results")), joined(wanted, problem, true));
    EXPECT_EQ(read_file(folder.at("copied")), "8\n");
  }
}

TEST(CHeader, RefusesWhatIsNoPlanOfTheProblem) {
  const Problem problem = chain();
  Plan plan = plan_at_least_memory(problem);
  plan.residencies.pop_back();
  EXPECT_THROW(plan_to_c(problem, plan, "net"), Error);  // y is nowhere
  plan.order.pop_back();
  EXPECT_THROW(plan_to_c(problem, plan, "net"), Error);
  EXPECT_THROW(plan_to_c({}, {}, "net"), Error);
}

}  // namespace
}  // namespace pliant::plan
