// A graph for encrypted inputs: what is planned from shapes and ranges alone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/planner.h"
#include "machine/encrypted/graph/ranges.h"
#include "machine/machine.h"

namespace pliant::encrypted {

struct GraphOptions {
  std::int64_t slots = 16384;            // of a ciphertext
  int levels = -1;                       // that the parameter set has; -1: as many as are needed
  int scale_bits = 40, first_bits = 50;  // of the parameter set
  double approximation = 1e-3;           // the most that a polynomial may differ from its function
  int most_degree = 255;                 // of a polynomial
  std::int64_t most_ciphertexts = 1024;  // of one tensor or product
  einsum::CostTable costs = {};
  Gains gains = {};  // of einsums that have one; the weights are checked against them
};

// A tensor in the clear that the program reads: a value of the graph, or an expression of such.
struct PlainTensor {
  std::vector<ValueId> operands;
  Expr expr = argument(0);
  Shape shape;
};

struct GraphPlan {
  std::shared_ptr<const Graph> graph;  // composite operators decomposed
  // Its tensors: the secret inputs in the graph's order, then `plain`. Its outputs: the graph's.
  einsum::Plan plan;
  std::vector<std::size_t> secret;  // which of the graph's inputs
  std::vector<PlainTensor> plain;
  // What the secret inputs, and the values in the clear that `plain` reads, were planned for.
  std::map<ValueId, Interval> ranges;
  Gains gains = {};
  // Bound of what the approximations of functions add to the error of any output, if every value is
  // in its range.
  double approximation = 0;
};

// What depends on the secret inputs, by value.
ById<ValueId, bool> encrypted_values(const Graph& graph, const std::set<std::string>& secret);

// Operators that cannot run on what depends on the secret inputs, with what is accepted.
std::vector<Refusal> refuses(const Graph& graph, const std::set<std::string>& secret);

// `secret` names inputs. Ranges that are missing: of inputs and weights [-1, 1], of all else what
// follows from the operands'. Throws Error{not_found} for an input or value that does not exist,
// Error{unsupported} naming operator, kind and what is accepted, Error{invalid} for a range that is
// none, and what einsum::plan() throws.
GraphPlan plan(const Graph& graph, const std::set<std::string>& secret, const Ranges& ranges,
               const GraphOptions& options = {});

}  // namespace pliant::encrypted
