// What a search may take, and what it has taken: wall time, work and memory. At the first that runs
// out, or when `stop` becomes true, the best answer so far is returned.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/time/deadline.h"

namespace pliant::plan {

constexpr std::int64_t default_effort = 1'000'000'000;

struct Limits {
  double seconds = no_time_limit;  // wall time from the beginning of the call
  // Work; the same on every machine, unlike time. The default is 10 to 60 seconds of one thread;
  // INT64_MAX searches on.
  std::int64_t effort = default_effort;
  std::int64_t memory_bytes = std::int64_t{4} << 30;  // of search states
  const std::atomic<bool>* stop = nullptr;            // may be null
};

// Limits that count from now on; shared by the searches that make up an answer, and by the threads
// of each. Effort gives the same answer on every machine and at every thread count: units only add
// up, and work that runs past the limit is thrown away as a whole, so whether it is reached does
// not depend on who came first.
class Budget {
 public:
  explicit Budget(const Limits& limits)
      : deadline_(limits.seconds, limits.stop),
        effort_(limits.effort),
        memory_bytes_(limits.memory_bytes) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // For a search within this one, which must outlive it and pays for what the part spends: the same
  // time and at most that effort, or that share (0 to 1) of the time and effort that are left.
  Budget part(std::int64_t most_effort) {
    return {*this, deadline_, std::min(most_effort, effort_left())};
  }
  Budget share(double share) {
    return {*this, deadline_.share(share), static_cast<std::int64_t>(1.0 * effort_left() * share)};
  }

  void spend(std::int64_t units) {
    spent_.fetch_add(units, std::memory_order_relaxed);
    if (whole_ != nullptr) whole_->spend(units);
  }
  bool over() const { return deadline_.over() || spent() > effort_; }

  std::int64_t spent() const { return spent_.load(std::memory_order_relaxed); }
  std::int64_t effort_left() const { return std::max<std::int64_t>(0, effort_ - spent()); }
  std::int64_t memory_bytes() const { return memory_bytes_; }
  const Deadline& deadline() const { return deadline_; }

 private:
  Budget(Budget& whole, const Deadline& deadline, std::int64_t effort)
      : deadline_(deadline), effort_(effort), memory_bytes_(whole.memory_bytes_), whole_(&whole) {}

  Deadline deadline_;
  std::int64_t effort_, memory_bytes_;
  Budget* whole_ = nullptr;
  std::atomic<std::int64_t> spent_{0};
};

}  // namespace pliant::plan
