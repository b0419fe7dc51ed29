// The published integer program beside the exact search, on random problems that both can state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/pool.h"
#include "plan/format/problem.h"

namespace pliant::bench {

extern const bool has_ilp;  // whether this build has CBC

struct IlpRow {
  std::uint64_t seed = 0;
  std::size_t operators = 0;
  std::int64_t bytes = 0, traffic = 0;
  int columns = 0, rows = 0;
  // the program within its limit; and with the search's answer
  bool decided = false, agrees = false;
  double seconds = 0, ilp_seconds = 0;
};

// How the program ends on one problem: "optimal", "infeasible", or "undecided" (its limit came).
struct IlpEnd {
  std::string status;
  double seconds = 0;
};

// Throws Error{unsupported} without CBC.
IlpEnd ilp_end(const plan::Problem& problem, std::int64_t bytes, double seconds);

// Random problems of 3 to 12 operators in turn, at M_R, that need traffic, until `decided` of them
// have been decided by the program. Throws Error{unsupported} without CBC.
std::vector<IlpRow> compare_with_ilp(int decided, double ilp_seconds, ThreadPool& pool,
                                     const std::function<void(const IlpRow&)>& done);

}  // namespace pliant::bench
