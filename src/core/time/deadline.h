// How long work has run, and whether it should end: one deadline and one stop flag.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace pliant {

constexpr double no_time_limit = 1e9;  // seconds

// Counts from when it is made; a copy goes on counting.
class Deadline {
 public:
  // `stop` may be null.
  explicit Deadline(double limit_s = no_time_limit, const std::atomic<bool>* stop = nullptr)
      : limit_(limit_s), stop_(stop) {}
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  double left() const { return limit_ - seconds(); }
  bool stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }
  bool over() const { return stopped() || left() <= 0; }

  // Begins now and has that share of what is left.
  Deadline share(double share) const { return Deadline(std::max(0.0, left() * share), stop_); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_;
  const std::atomic<bool>* stop_;
};

}  // namespace pliant
