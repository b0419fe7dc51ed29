// The states of the search with addresses: where each live tensor of a downset lies.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "plan/search/addressed.h"
#include "plan/search/layer.h"

namespace pliant::plan {

// A live tensor is absent or at one of the candidate addresses. `fresh` means needed in the step
// just run, so that a store it would need has no step to happen in (Eq. 1 and 3): it cannot be
// moved for the next one.
enum class Mark : std::int32_t { clean, dirty, fresh_dirty, fresh_clean };
inline constexpr std::int32_t absent = -1;

inline std::int32_t code(std::int32_t address, Mark mark) {
  return address * 4 + static_cast<std::int32_t>(mark);
}
inline std::int32_t address_of(std::int32_t code) { return code / 4; }
inline Mark mark_of(std::int32_t code) { return static_cast<Mark>(code % 4); }
inline bool has_copy(Mark mark) { return mark == Mark::clean || mark == Mark::fresh_clean; }
inline bool is_fresh(Mark mark) { return mark == Mark::fresh_dirty || mark == Mark::fresh_clean; }

// A downset with the states that its live tensors may be in.
struct AddressGroup {
  StateGroup downset;               // its state arrays stay empty
  std::vector<std::int32_t> codes;  // [state][live]
  std::vector<std::int64_t> cost;
  // group and state of the layer before
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parent;
  std::vector<OperatorId> by;
  std::vector<std::int32_t> taken;    // addresses of the operator's tracked inputs, then outputs
  std::vector<std::size_t> taken_at;  // per state
  std::size_t states() const { return cost.size(); }
  const std::int32_t* state(std::size_t s) const { return codes.data() + s * downset.live.size(); }
  std::int64_t counted = 0;  // bytes that the search knows of
  void count_bytes(std::atomic<std::int64_t>& sum) {
    const std::int64_t now = bytes();
    sum += now - counted;
    counted = now;
  }
  std::int64_t bytes() const {
    return bytes_held(downset) + (codes.size() + taken.size()) * 4 + states() * 28;
  }
};

// What one search is given, and what its layers share.
struct AddressSetting {
  const Problem* problem = nullptr;
  const ScheduleModel* model = nullptr;
  const AddressedQuery* query = nullptr;
  Budget* budget = nullptr;
  Expansion expansion;
  std::vector<std::int64_t> addresses;
  // per operator: sizes of what lives in its step only
  std::vector<std::vector<std::int64_t>> locals;
  std::atomic<std::int64_t>* next = nullptr;   // the least cost + bound that was left out
  std::atomic<std::int64_t>* bytes = nullptr;  // of all states, those being made too

  bool interrupted() const { return *bytes > budget->memory_bytes() || budget->over(); }
};

}  // namespace pliant::plan
