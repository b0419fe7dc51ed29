// The published integer program, word for word (COSMA, arXiv 2311.18246, Eq. 1-12): order, replacement and addresses as
// binaries per tensor and step, solved by CBC. An oracle for the exact search on small problems and the peer of its
// times; nothing else uses it.
#pragma once

#include <cstdint>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct IlpOptions {
  double time_limit_s = 1e9;
  std::int64_t alignment = 1;  // every address is a multiple of it; >= 1
  Costs costs{};               // of the objective; as solve() takes them
};

struct IlpAnswer {
  Plan plan;  // as solve() returns it; undecided when the limit came before any plan, or CBC's was not exact enough
  int columns = 0, rows = 0;
};

// Throws Error{unsupported} for a problem with results in place. Variables are left out where precedence already rules
// them out; one implied row per step (sizes resident together) helps the relaxation. Throws what solve() throws, and
// Error{capacity} for a program of more than 2^27 entries.
IlpAnswer solve_by_ilp(const Problem& problem, std::int64_t scratchpad_bytes, const IlpOptions& options);

}  // namespace pliant::plan
