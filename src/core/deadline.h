// How long work has run, and whether it should end: one deadline and one stop flag.
#pragma once

#include <atomic>
#include <chrono>

namespace pliant {

class Deadline {
 public:
  // `stop` may be null.
  Deadline(double limit_s, const std::atomic<bool>* stop) : limit_(limit_s), stop_(stop) {}
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  double left() const { return limit_ - seconds(); }
  bool over() const { return (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) || left() <= 0; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_;
  const std::atomic<bool>* stop_;
};

}  // namespace pliant
