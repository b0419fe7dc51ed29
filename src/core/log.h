// Messages to a person, on one stream (stderr): leveled lines, and on a terminal one transient status line below them.
#pragma once

#include <cstdint>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>

#include "core/options.h"

namespace pliant {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

template <>
struct OptionWords<LogLevel> {
  static constexpr std::pair<LogLevel, const char*> words[] = {
      {LogLevel::error, "error"}, {LogLevel::warning, "warning"}, {LogLevel::info, "info"}, {LogLevel::debug, "debug"}};
};

// Thread-safe. `out` must outlive it.
class Log {
 public:
  Log(std::ostream& out, LogLevel level, bool terminal) : out_(out), level_(level), terminal_(terminal) {}
  ~Log() { status(""); }
  Log(const Log&) = delete;

  void write(LogLevel level, std::string_view text);  // "pliant: warning: TEXT", if `level` is wanted
  void error(std::string_view text) { write(LogLevel::error, text); }
  void warning(std::string_view text) { write(LogLevel::warning, text); }
  void info(std::string_view text) { write(LogLevel::info, text); }
  void debug(std::string_view text) { write(LogLevel::debug, text); }

  void status(std::string_view line);  // replaces the status line; "" removes it; nothing unless on a terminal
  bool shows_status() const { return terminal_ && level_ >= LogLevel::info; }

 private:
  std::ostream& out_;
  LogLevel level_;
  bool terminal_;
  std::string status_;
  std::mutex mutex_;
};

}  // namespace pliant
