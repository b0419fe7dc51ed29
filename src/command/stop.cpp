#include "command/stop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iterator>

#include "core/files.h"

namespace pliant {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<bool> stop_requested{false}, interrupt_requested{false}, interruptible{false};
std::atomic<int> wake{-1};  // becomes readable when a stop is requested
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void handle(int signal) {
  interrupt_requested = true;
  if (signal == SIGINT && interruptible.exchange(false)) return;
  if (!stop_requested.exchange(true)) {
    const int code = errno;
    if (wake >= 0) eventfd_write(wake, 1);
    errno = code;
    return;
  }
  remove_partial_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

const std::atomic<bool>& install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = handle;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  return stop_requested;
}

// A flag alone would not do: a signal may come just before reading begins, or to another thread.
bool wait_for_line() {
  if (wake < 0) wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  pollfd ready[] = {{STDIN_FILENO, POLLIN, 0}, {wake, POLLIN, 0}};
  while (!stop_requested && poll(ready, std::size(ready), -1) < 0 && errno == EINTR) {
  }
  return !stop_requested;
}

Interruptible::Interruptible() {
  interrupt_requested = false;
  interruptible = true;
  if (stop_requested) interrupt_requested = true;
}

Interruptible::~Interruptible() { interruptible = false; }

const std::atomic<bool>& Interruptible::interrupted() const { return interrupt_requested; }

}  // namespace pliant
