// 4: which networks fit a device?
//
//   example-04_what_fits [BYTES]
//
// Takes networks of the zoo with 8-bit elements and a device with BYTES of fast memory (614,400 by
// default). Two sizes of a network foretell the answer: the least memory in which it runs at all,
// and the memory from which nothing has to be moved. The planner is then asked for a plan at BYTES,
// and what it finds is printed beside what was foretold. Networks that do not fit are cut into
// horizontal bands and asked again.
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include "core/pool.h"
#include "graph/passes/tile.h"
#include "models/zoo/zoo.h"
#include "plan/graph/graph_problem.h"
#include "plan/solve.h"

namespace {

using namespace pliant;

plan::Problem problem_of(const Graph& graph, bool in_bands) {
  plan::GraphProblemOptions options;
  options.elem_bytes = 1;
  options.halo = in_bands;
  return plan::problem_of(graph, options).problem;
}

// What the two sizes say before anything is planned.
std::string foretold(const plan::ScratchpadSizes& sizes, std::int64_t bytes) {
  if (bytes < sizes.required.bytes) return "does not fit";
  if (bytes < sizes.peak_lower) return "moves bytes";
  // between the two the search of sizes left it open
  return bytes < sizes.peak ? "fits" : "moves nothing";
}

std::string found(const plan::Plan& plan) {
  if (plan.status == plan::Status::infeasible) return "does not fit";
  return plan.traffic_bytes > 0 ? "moves bytes" : "moves nothing";
}

// Whether the network runs in `bytes`; prints one line.
bool ask(const std::string& name, const plan::Problem& problem, std::int64_t bytes,
         ThreadPool& pool) {
  plan::SolveOptions options;
  // some seconds at most; unlike a time limit the same on every machine
  options.limits.effort = 100'000'000;
  const plan::ScratchpadSizes sizes = plan::scratchpad_sizes(problem, options, pool);
  const plan::Plan plan = plan::solve(problem, bytes, options, pool);
  fmt::print("{:<24} {:>9} {:>12} {:>12}   {:<14} {:<14} {:>11}  {}\n", name,
             problem.operators.size(), sizes.required.bytes, sizes.peak, foretold(sizes, bytes),
             found(plan), plan.traffic_bytes, plan::name(plan.status));
  // Room for the peak is not always room for its addresses: only there may the two differ.
  if (found(plan) != foretold(sizes, bytes) && bytes < sizes.peak_lower)
    throw std::runtime_error(name + ": the plan is not what the sizes foretold");
  return plan.status != plan::Status::infeasible;
}

// With more and more bands, until it fits.
void ask_in_bands(const Graph& graph, std::int64_t bytes, ThreadPool& pool) {
  for (const int bands : {2, 4, 8}) {
    const plan::Problem problem = problem_of(tile(graph, {bands}), true);
    if (plan::required_size(problem, 1).bytes > bytes) continue;
    ask(fmt::format("  in {} bands", bands), problem, bytes, pool);
    return;
  }
  fmt::print("  in 8 bands               does not fit either\n");
}

std::int64_t bytes_from(const char* text) {
  std::int64_t bytes = 0;
  const char* end = text + std::strlen(text);
  if (std::from_chars(text, end, bytes).ptr != end || bytes <= 0)
    throw std::runtime_error(fmt::format("'{}' is no number of bytes", text));
  return bytes;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::int64_t bytes = argc > 1 ? bytes_from(argv[1]) : std::int64_t{600} << 10;
  ThreadPool pool(default_threads());
  fmt::print("a device with {} bytes of fast memory, 8-bit elements, weights streamed past it\n\n",
             bytes);
  fmt::print("{:<24} {:>9} {:>12} {:>12}   {:<14} {:<14} {:>11}  {}\n", "network", "operators",
             "runs from", "at ease from", "expected", "planned", "bytes moved", "status");
  for (const char* name : {"nasnet-a", "pnasnet5", "darts", "lraspp", "resnet50"}) {
    const Graph graph = zoo::build(name);
    if (!ask(name, problem_of(graph, false), bytes, pool)) ask_in_bands(graph, bytes, pool);
  }
  fmt::print(
      "\nexpected: 'planned' as 'expected' (what fits may move bytes or not); without bands each "
      "plan optimal\n");
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
