// Messages to a person, on one stream (stderr): leveled lines, and on a terminal one transient
// status line below them.
#pragma once

#include <cstdint>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace pliant {

enum class LogLevel : std::uint8_t { error, warning, info, debug };
std::string_view name(LogLevel level);

// Thread-safe. `out` must outlive it. `program` begins every line.
class Log {
 public:
  Log(std::ostream& out, LogLevel level, bool terminal, std::string program = "pliant")
      : out_(out), level_(level), terminal_(terminal), program_(std::move(program)) {}
  ~Log() { status(""); }
  Log(const Log&) = delete;

  void write(LogLevel level,
             std::string_view text);  // "pliant: warning: TEXT", if `level` is wanted
  void error(std::string_view text) { write(LogLevel::error, text); }
  void warning(std::string_view text) { write(LogLevel::warning, text); }
  void info(std::string_view text) { write(LogLevel::info, text); }
  void debug(std::string_view text) { write(LogLevel::debug, text); }

  void status(std::string_view
                  line);  // replaces the status line; "" removes it; nothing unless on a terminal
  bool shows_status() const { return terminal_ && level_ >= LogLevel::info; }

 private:
  std::ostream& out_;
  LogLevel level_;
  bool terminal_;
  std::string program_;
  std::string status_;
  std::mutex mutex_;
};

}  // namespace pliant
