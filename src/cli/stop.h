// Ctrl-C: the first SIGINT or SIGTERM asks the work to end and give what it has, the second kills.
#pragma once

#include <atomic>

namespace pliant::cli {

const std::atomic<bool>& install_stop_signals();  // the flag they raise; for the life of the process

}  // namespace pliant::cli
