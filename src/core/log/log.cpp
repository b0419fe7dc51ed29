#include "core/log/log.h"

namespace pliant {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K";

}  // namespace

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "";
}

void Log::write(LogLevel level, std::string_view text) {
  if (level > level_) return;
  const std::lock_guard lock(mutex_);
  if (!status_.empty()) out_ << erase_line;
  out_ << program_ << ": ";
  if (level != LogLevel::info) out_ << name(level) << ": ";
  out_ << text << '\n' << status_ << std::flush;
}

void Log::status(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (!shows_status() || line == status_) return;
  // a longer line would wrap on most terminals and could not be erased
  status_ = line.substr(0, 119);
  out_ << erase_line << status_ << std::flush;
}

}  // namespace pliant
