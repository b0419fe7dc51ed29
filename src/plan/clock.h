// One deadline and one stop flag for everything a solve does.
#pragma once

#include <chrono>

#include "plan/solve.h"

namespace pliant::plan {

class Clock {
 public:
  explicit Clock(const SolveOptions& options) : limit_(options.time_limit_s), stop_(options.stop) {}
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  double left() const { return limit_ - seconds(); }
  bool over() const { return (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) || left() <= 0; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_;
  const std::atomic<bool>* stop_;
};

}  // namespace pliant::plan
