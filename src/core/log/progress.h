// Progress of long work: a status line refreshed a few times per second on a terminal, nothing in a
// pipe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/log/log.h"

namespace pliant {

using Clock = std::function<double()>;  // seconds since some fixed moment
Clock steady_clock();
Clock processor_clock();  // what the threads of this process have run, together

class Progress {
 public:
  Progress(Log& log, Clock clock, double interval = 0.1)
      : log_(log), clock_(std::move(clock)), start_(clock_()), next_(start_), interval_(interval) {}
  ~Progress() { log_.status(""); }
  Progress(const Progress&) = delete;

  double seconds() const { return clock_() - start_; }
  void show(const std::function<std::string()>& line);  // `line` is called only when one is due

 private:
  Log& log_;
  Clock clock_;
  double start_, next_, interval_;
};

// "plan: best 413,952 B, bound 206,976 B, gap 50.0 %, 3.2 s"; incumbent < 0: none yet.
std::string search_line(std::string_view what, std::int64_t incumbent, std::int64_t bound,
                        double seconds);

// (incumbent - bound) / incumbent; 0 when equal
double gap(std::int64_t incumbent, std::int64_t bound);

}  // namespace pliant
