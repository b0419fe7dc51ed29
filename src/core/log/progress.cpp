#include "core/log/progress.h"

#include <fmt/format.h>

#include <ctime>

#include "core/time/clock.h"
#include "core/units.h"

namespace pliant {

Clock steady_clock() { return steady_seconds; }

Clock processor_clock() {
  return [] {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
}

void Progress::show(const std::function<std::string()>& line) {
  if (!log_.shows_status()) return;
  const double now = clock_();
  if (now < next_) return;
  next_ = now + interval_;
  log_.status(line());
}

double gap(std::int64_t incumbent, std::int64_t bound) {
  if (incumbent <= bound || incumbent <= 0) return 0;
  return static_cast<double>(incumbent - bound) / static_cast<double>(incumbent);
}

std::string search_line(std::string_view what, std::int64_t incumbent, std::int64_t bound,
                        double seconds) {
  if (incumbent < 0)
    return fmt::format("{}: no plan yet, bound {} B, {}", what, grouped_text(bound),
                       seconds_text(seconds));
  return fmt::format("{}: best {} B, bound {} B, gap {:.1f} %, {}", what, grouped_text(incumbent),
                     grouped_text(bound), 100 * gap(incumbent, bound), seconds_text(seconds));
}

}  // namespace pliant
