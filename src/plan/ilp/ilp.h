// The published integer program, word for word (COSMA, arXiv 2311.18246, Eq. 1-12): order,
// replacement and addresses as binaries per tensor and step, solved by CBC in a process of its own.
// An oracle for the exact search on small problems and the peer of its times; nothing else uses it.
#pragma once

#include <cstdint>

#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/search/limits.h"

namespace pliant::plan {

struct IlpOptions {
  // memory: of the program and CBC, beyond this process's; CBC counts no effort
  Limits limits;
  std::int64_t alignment = 1;  // every address is a multiple of it; >= 1
  Costs costs{};               // of the objective; as solve() takes them
};

struct IlpAnswer {
  // as solve() returns it; undecided when the limit came before any plan, or CBC's was not exact
  // enough
  Plan plan;
  int columns = 0, rows = 0;
};

// Variables are left out where precedence already rules them out; one implied row per step (sizes
// resident together) helps the relaxation, and rows that no plan needs to break (loads wait for the
// step that needs them, nothing stays beyond its last need) take symmetry away. Throws what solve()
// throws, Error{unsupported} for a problem with results in place or adjacent inputs, and
// Error{capacity} for a program of more than 2^27 entries.
IlpAnswer solve_by_ilp(const Problem& problem, std::int64_t scratchpad_bytes,
                       const IlpOptions& options);

}  // namespace pliant::plan
