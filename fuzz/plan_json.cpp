// Any plan for one small problem: reading it, and the checker's verdict on it.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "plan/checker/checker.h"
#include "plan/format/plan.h"

namespace {

constexpr std::string_view kProblem = R"({"tensors": [
  {"name": "x", "bytes": 10, "role": "input"}, {"name": "t", "bytes": 10, "role": "activation"},
  {"name": "u", "bytes": 10, "role": "activation"}, {"name": "y", "bytes": 10, "role": "output"},
  {"name": "z", "bytes": 5, "role": "output"}],
  "operators": [{"name": "a", "inputs": ["x"], "outputs": ["t"], "workspace": 3},
  {"name": "b", "inputs": ["x"], "outputs": ["u"]}, {"name": "c", "inputs": ["u"], "outputs": ["y"]},
  {"name": "d", "inputs": ["t", "y"], "outputs": ["z"]}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pliant::plan::Problem problem = pliant::plan::problem_from_json(kProblem, "problem");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    pliant::checker::check_json(kProblem, text);
  } catch (const pliant::Error&) {
  }
  try {
    const pliant::plan::Plan plan = pliant::plan::plan_from_json(problem, text, "fuzz");
    const std::string written = pliant::plan::plan_to_json(problem, plan);
    if (pliant::plan::plan_from_json(problem, written, "again") != plan) std::abort();
    pliant::checker::check_json(kProblem, written);
  } catch (const pliant::Error&) {
  }
  return 0;
}
