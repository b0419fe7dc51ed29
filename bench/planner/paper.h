// The paper's table: every generated network at its three sizes, with and without weights, one byte per element, beside
// the four baselines of the same run. Every plan is executed by the scratchpad machine.
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
  double divide_ratio = 0;  // traffic of --solver divide over this; 0: not proven, or without traffic
};

// `seconds` limits each search. Rows are told as they are done.
std::vector<PaperRow> paper_table(double seconds, Pool& pool, const std::function<void(const PaperRow&)>& done);

}  // namespace pliant::bench
