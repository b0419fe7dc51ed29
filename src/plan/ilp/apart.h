// Work in a process of its own. CBC looks at no flag and counts no memory while it solves, and a
// process can be ended at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "plan/search/limits.h"

namespace pliant::plan {

using Send = std::function<void(const std::string&)>;

// Runs `work` in a copy of this process. What it sends arrives, in order, at `receive` here; what
// it changes in memory is lost. The memory of the limits is what it takes beyond what this process
// holds; its effort is not counted. After the seconds, or when `stop` becomes true, `over` becomes
// true there and SIGINT is sent (which CBC understands); a second later, or at once when memory has
// run out, the process is killed. Returns whether the work returned by itself. An exception of the
// work ends it. Throws Error{io} when no process can be made.
bool run_apart(const std::function<void(const Send& send, const std::atomic<bool>& over)>& work,
               const Limits& limits, const std::function<void(std::string_view)>& receive);

}  // namespace pliant::plan
