// Problems and plans as the checker itself reads them.
#include <gtest/gtest.h>

#include "core/error.h"
#include "plan/checker/checker.h"

namespace pliant::checker {
namespace {

constexpr const char* kProblem = R"({"tensors": [{"name": "y", "bytes": 4, "role": "output"}],
  "operators": [{"name": "o", "inputs": [], "outputs": ["y"], "workspace": 4}]})";
constexpr const char* kPlan =
    R"({"scratchpad_bytes": 8, "alignment": 4, "status": "optimal", "traffic_bytes": 0,
  "compulsory_bytes": 4, "lower_bound_bytes": 0, "bound_origin": "zero", "order": ["o"], "workspaces": [4],
  "residencies": [{"tensor": "y", "from": 0, "to": 0, "address": 0}],
  "events": [{"step": 0, "action": "store", "tensor": "y"}, {"step": 0, "action": "drop", "tensor": "y"}]})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Checker, ReadsTheUndecidedStatus) {
  const Verdict verdict = check_json(kProblem, replaced(kPlan, "\"optimal\"", "\"undecided\""));
  EXPECT_FALSE(verdict.accepted);
  EXPECT_NE(verdict.reason.find("no plan is claimed"), std::string::npos) << verdict.reason;
}

TEST(CheckJson, ReadsBothDocuments) {
  const Verdict verdict = check_json(kProblem, kPlan);
  EXPECT_TRUE(verdict.accepted) << verdict.reason;
  EXPECT_EQ(verdict.compulsory_bytes, 4);
  EXPECT_FALSE(check_json(kProblem, replaced(kPlan, "\"address\": 0", "\"address\": -4")).accepted);
  EXPECT_FALSE(
      check_json(kProblem, replaced(kPlan, "\"address\": 0", "\"address\": 9223372036854775807"))
          .accepted);
}

void expect_error(ErrorKind kind, const std::string& part, const std::string& problem,
                  const std::string& plan) {
  try {
    check_json(problem, plan);
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what() << "\nlacks: " << part;
  }
}

TEST(CheckJson, MalformedDocumentsAreErrors) {
  using enum ErrorKind;
  const auto problem = [](ErrorKind kind, const std::string& part, const std::string& from,
                          const std::string& to) {
    expect_error(kind, part, replaced(kProblem, from, to), kPlan);
  };
  const auto plan = [](ErrorKind kind, const std::string& part, const std::string& from,
                       const std::string& to) {
    expect_error(kind, part, kProblem, replaced(kPlan, from, to));
  };
  problem(format, "problem at byte 37: is not JSON", "\"bytes\": 4", "\"bytes\": ");
  problem(format, "problem: bytes is 4.5, not a 64-bit integer", "\"bytes\": 4", "\"bytes\": 4.5");
  problem(format, "not a 64-bit integer", "\"bytes\": 4", "\"bytes\": 9223372036854775808");
  problem(format, "problem: role is \"in\", not one of", "output\"", "in\"");
  problem(format, "problem: a tensor lacks 'bytes'", "\"bytes\": 4,", "");
  problem(format, "problem: a tensor has a field other than", "\"bytes\": 4",
          "\"bytes\": 4, \"size\": 4");
  problem(format, "problem: field 'bytes' is given twice", "\"bytes\": 4",
          "\"bytes\": 4, \"bytes\": 5");
  problem(format, "problem: nested deeper than 8 levels", "\"bytes\": 4",
          "\"bytes\": " + std::string(50000, '['));
  problem(invalid, "problem: outputs is \"w\", a name that the problem lacks", "[\"y\"]",
          "[\"w\"]");
  problem(invalid, "two entries are named 'y'", "[{\"name\": \"y\"",
          "[{\"name\": \"y\", \"bytes\": 1, \"role\": \"input\"}, {\"name\": \"y\"");
  problem(format, "problem: inputs is not an array", "[]", "{}");
  problem(format, "a list of adjacent is not an array", "\"workspace\": 4", "\"adjacent\": [1]");
  problem(format, "a pair of in_place has not two names", "\"workspace\": 4",
          "\"in_place\": [[\"y\"]]");
  problem(format, "problem: a pair of in_place is not an array", "\"workspace\": 4",
          "\"in_place\": [1]");
  problem(invalid, "problem: in_place is \"w\", a name", "\"workspace\": 4",
          "\"in_place\": [[\"y\", \"w\"]]");
  plan(invalid, "plan: order is \"p\", a name that the problem lacks", "[\"o\"]", "[\"p\"]");
  plan(format, "plan: bound_origin is not a string", "\"zero\"", "0");
  plan(format, "plan: action is \"stor\", not one of move, load, store, drop", "\"store\"",
       "\"stor\"");
  plan(format, "plan: 'costs', 'cost' and 'lower_bound_cost' come together", "\"order\"",
       "\"cost\": 3, \"order\"");
  plan(format, "plan: costs lacks 'write'", "\"order\"",
       "\"costs\": {\"read\": 2}, \"cost\": 0, \"lower_bound_cost\": 0, \"order\"");
  expect_error(format, "plan: the document is not an object", kProblem, "[]");
}

}  // namespace
}  // namespace pliant::checker
