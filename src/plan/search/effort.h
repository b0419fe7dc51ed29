// A limit on work that gives the same answer on every machine and at every thread count: units only add up, and work
// that runs past the limit is thrown away as a whole, so whether it is reached does not depend on who came first.
#pragma once

#include <atomic>
#include <cstdint>

namespace pliant::plan {

class Effort {
 public:
  explicit Effort(std::int64_t limit) : limit_(limit) {}
  void spend(std::int64_t units) { spent_.fetch_add(units, std::memory_order_relaxed); }
  bool out() const { return spent() > limit_; }
  std::int64_t spent() const { return spent_.load(std::memory_order_relaxed); }

 private:
  std::int64_t limit_;
  std::atomic<std::int64_t> spent_{0};
};

}  // namespace pliant::plan
