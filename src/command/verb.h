// A verb of a command-line program: its option table and what it does.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "command/manual.h"
#include "command/options.h"
#include "core/log/log.h"
#include "core/pool.h"

namespace pliant {

template <>
struct OptionWords<LogLevel> {
  static constexpr std::pair<LogLevel, const char*> words[] = {{LogLevel::error, "error"},
                                                               {LogLevel::warning, "warning"},
                                                               {LogLevel::info, "info"},
                                                               {LogLevel::debug, "debug"}};
};

// The options of every verb.
struct Common {
  bool json = false, quiet = false, help = false, version = false;
  LogLevel log_level = LogLevel::info;
  std::int64_t threads = 0;  // 0: all processors
  std::int64_t seed = 1;
  std::string config;
};

class Invocation {
 public:
  Invocation(const Common& common, const Manual& manual, std::ostream& out, Log& log,
             const std::atomic<bool>& stop, std::function<void(const InputKind&)> check_input)
      : common(common),
        manual(manual),
        out(out),
        log(log),
        stop(stop),
        check_input(std::move(check_input)) {}
  ThreadPool& pool() const;  // made at the first call

  const Common& common;
  const Manual& manual;
  std::ostream& out;  // results; messages and progress go to log
  Log& log;
  const std::atomic<bool>& stop;  // becomes true when the user wants the work to end early
  // to be called when a verb knows what it was given (command/options.h); throws Error{usage}
  const std::function<void(const InputKind&)> check_input;

 private:
  mutable std::unique_ptr<ThreadPool> pool_;
};

enum ExitCode : int { success = 0, failure = 1, usage_error = 2 };

struct Verb {
  Command command;
  std::function<int(const Invocation&)> run;  // returns an exit code; throws Error
};

}  // namespace pliant
