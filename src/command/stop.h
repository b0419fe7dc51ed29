// Ctrl-C: the first SIGINT or SIGTERM asks the work to end and give what it has, the second kills.
#pragma once

#include <atomic>

namespace pliant {

// the flag they raise; for the life of the process
const std::atomic<bool>& install_stop_signals();

// Waits for a line or the end of standard input, a terminal; false if the flag is raised first.
bool wait_for_line();

// While one exists, the first Ctrl-C ends what is going on (an answer in a conversation) and not
// the program: only this flag is raised. Any other signal raises both. One at a time, after
// install_stop_signals().
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  const std::atomic<bool>& interrupted() const;
};

}  // namespace pliant
