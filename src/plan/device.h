// A device in figures (JSON, docs/formats.md), and what a plan would take on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

struct Device {
  std::string name;
  std::int64_t scratchpad_bytes = 0;  // > 0
  // between scratchpad and off-chip memory; > 0
  double bandwidth_bytes_per_s = 0;
  double latency_s = 0;                                          // of one transfer; >= 0
  std::int64_t alignment = 1;                                    // of addresses; a power of two
  double operations_per_s = 0;                                   // multiply-accumulates; > 0
  double energy_per_byte_j = 0;                                  // moved; >= 0
  double energy_per_operation_j = 0;                             // per multiply-accumulate; >= 0
  std::optional<std::int64_t> read_cost, write_cost, move_cost;  // Costs, where the file says them
};

// Throws Error{format} for broken JSON, Error{invalid} naming `place` and the key for one that is
// unknown, missing, of the wrong type or out of range.
Device device_from_json(std::string_view text, std::string_view place);

struct Work {                       // what the plan itself does not say
  std::int64_t operations = 0;      // multiply-accumulates
  std::int64_t streamed_bytes = 0;  // weights that are not planned: they pass by once
  std::int64_t streamed_tensors = 0;
};

struct Estimate {
  std::int64_t transfers = 0, transferred_bytes = 0;  // compulsory ones and streams included
  double transfer_s = 0, compute_s = 0;
  double serial_s = 0;  // every transfer waits for the operator before it: the upper end
  // every transfer hides behind computing, or the other way round: the lower end
  double overlapped_s = 0;
  double energy_j = 0;
};

Estimate estimate(const Device& device, const Problem& problem, const Plan& plan,
                  const Work& work = {});

}  // namespace pliant::plan
