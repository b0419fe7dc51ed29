// Executes a plan to show that it is true: an arena of exactly M bytes, an off-chip store, and only
// the plan's LOAD and STORE copying between the two. Bytes that are freed or not yet written are
// poisoned; off-chip copies that no later load needs are dropped. A plan that lacks a load or
// places two tensors over each other therefore computes nonsense instead of being right by luck.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::scratchpad {

using TensorBytes = std::vector<std::byte>;

// What an operator of a problem computes: a pure function of its inputs' bytes.
class Operators {
 public:
  virtual ~Operators() = default;
  // Spans in the order of the problem operator's inputs and outputs; `workspace` has the operator's
  // declared size. An output that the problem lets be written in place may be the same bytes as its
  // input. Inputs that the problem calls adjacent follow each other without gaps.
  virtual void run(plan::OperatorId op, std::span<const std::span<std::byte>> inputs,
                   std::span<const std::span<std::byte>> outputs,
                   std::span<std::byte> workspace) = 0;
};

// For plans at other element sizes and networks with opaque operators: output bytes are a keyed
// hash stream of the operator's name and all its input bytes, so that one wrong input byte changes
// every output byte.
class HashOperators : public Operators {
 public:
  explicit HashOperators(const plan::Problem& problem, std::uint64_t key = 0);
  void run(plan::OperatorId op, std::span<const std::span<std::byte>> inputs,
           std::span<const std::span<std::byte>> outputs, std::span<std::byte> workspace) override;

 private:
  const plan::Problem& problem_;
  std::uint64_t key_;
};

// Bytes of every input and weight (by tensor), empty for the rest.
using Contents = std::vector<TensorBytes>;
// any bytes; for HashOperators
Contents random_contents(const plan::Problem& problem, std::uint64_t seed);

struct Execution {
  Contents outputs;              // by tensor; empty but for the tensors of role output
  std::int64_t load_bytes = 0;   // non-compulsory
  std::int64_t store_bytes = 0;  // non-compulsory
  std::int64_t compulsory_bytes = 0;
  std::int64_t move_bytes = 0;          // within the arena; no traffic
  std::int64_t second_level_bytes = 0;  // between the arena and the second one; no traffic
  std::int64_t loads = 0, stores = 0;   // copies made
  std::int64_t moves = 0;
  std::int64_t highest_byte = 0;  // end of the highest range an operator or copy touched
  std::int64_t traffic_bytes() const { return load_bytes + store_bytes; }
  std::int64_t moved_bytes() const { return traffic_bytes() + compulsory_bytes; }
};

// One heap buffer per tensor, operators in the problem's order: what the outputs must be.
Contents execute_unconstrained(const plan::Problem& problem, Operators& operators,
                               const Contents& contents);

// Runs `plan` as it stands: errors of the plan that a machine would not notice give wrong outputs.
// Throws Error{invalid} for what a machine could not do: addresses outside the arena, an operand
// that is nowhere, a copy from or to nowhere; inputs of a run apart; and for an operator that wrote
// outside the arena. A plan with a second level gets a second arena of exactly its size. The pinned
// weights of a steady-state plan are in the arena from the start.
Execution execute(const plan::Problem& problem, const plan::Plan& plan, Operators& operators,
                  const Contents& contents);

// One frame after the other in one arena: the pinned weights are those of the first contents.
std::vector<Execution> execute_frames(const plan::Problem& problem, const plan::Plan& plan,
                                      Operators& operators, std::span<const Contents> frames);

}  // namespace pliant::scratchpad
