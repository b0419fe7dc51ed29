// A lower bound on the traffic still ahead: whatever the order, each pending operator has tensors
// that are alive during its step (made before it, used after it). What of them does not fit beside
// the operator must be off chip then.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/bound/bits.h"
#include "plan/bound/model.h"

namespace pliant::plan {

// Per model: which operators may become critical, and what each live tensor adds to them.
struct Pressure {
  struct Suspect {
    OperatorId op = 0;
    // bytes alive in every order, less those that fit beside the operator
    std::int64_t excess = 0;
    // tracked tensors alive at op in every order, op's own left out
    std::vector<std::int32_t> always;
    std::int64_t clean_bytes = 0;  // of these, the ones that leave without a store
    std::int64_t unit = 0;         // divides the bytes of each; 0 when there are none
  };
  std::vector<Suspect> suspects;
  // per tracked tensor: suspects it is alive at when it is alive now
  std::vector<std::vector<std::int32_t>> adds;
  Bitset always;  // [suspect][tracked]
};

Pressure make_pressure(const ScheduleModel& model);

// One suspect seen from a downset: need bytes must be absent; alive masks the downset's live
// tensors that may be.
struct Critical {
  std::int64_t need = 0;
  std::int64_t future_clean = 0;  // bytes of tensors not yet made that leave without a store
  std::int64_t unit = 1;          // divides the bytes of every tensor that may be absent
  Bitset alive;
};

// The most pressed pending operators of a downset (at most four), none when all fit.
std::vector<Critical> find_critical(const ScheduleModel& model, const Pressure& pressure,
                                    const Bitset& done, const std::vector<std::int32_t>& live);

}  // namespace pliant::plan
