#include "cli/stop.h"

#include <csignal>

#include "core/files.h"

namespace pliant::cli {
namespace {

// A signal handler can reach nothing but a global.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void handle(int signal) {
  if (!stop_requested.exchange(true)) return;
  remove_partial_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

const std::atomic<bool>& install_stop_signals() {
  struct sigaction action {};  // without SA_RESTART: reading a line ends too
  action.sa_handler = handle;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  return stop_requested;
}

}  // namespace pliant::cli
