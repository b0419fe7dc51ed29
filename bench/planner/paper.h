// The paper's table: every generated network at its three sizes, with and without weights, one byte
// per element, beside the four baselines of the same run. Every plan is executed by the scratchpad
// machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/pool.h"
#include "plan/solve.h"

namespace pliant::bench {

struct PaperRow {
  std::string network, size, status;
  bool weights = false, executed = false, peak_exact = true;
  std::size_t operators = 0;
  std::int64_t bytes = 0, traffic = 0, bound = 0;
  std::vector<std::string> names;                      // of the baselines
  std::vector<std::optional<std::int64_t>> baselines;  // their traffic; nothing without addresses
  double seconds = 0;
  // traffic of --solver divide over this; 0: not proven, or without traffic
  double divide_ratio = 0;
  std::string ilp;  // the integer program's end: its status, or "-" when it was not tried
  double ilp_seconds = 0;

  // 1 - ours / theirs; nothing where the baseline moves nothing or has no plan.
  std::optional<double> reduction(std::size_t baseline) const;
};

struct PaperLimits {
  double seconds = 60;                   // of each search
  double ilp_seconds = 0;                // of each integer program; 0: none is tried
  std::size_t most_ilp_operators = 110;  // larger programs are not tried
};

// Rows are told as they are done.
std::vector<PaperRow> paper_table(const PaperLimits& limits, ThreadPool& pool,
                                  const std::function<void(const PaperRow&)>& done);

}  // namespace pliant::bench
