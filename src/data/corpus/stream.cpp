#include "data/corpus/stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/files/input_guard.h"
#include "core/units.h"

namespace pliant::data {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 18;

Error refused(const std::string& path, const char* action) {
  const int code = errno;
  return {code == ENOENT ? ErrorKind::not_found : ErrorKind::io, path,
          std::string("cannot ") + action + ": " + std::strerror(code)};
}

}  // namespace

FileStream::FileStream(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), buffer_(piece_bytes) {
  if (!file_.is_open()) throw refused(path, "open");
  InputGuard::note(path);
}

std::string_view FileStream::more() {
  ssize_t count = 0;
  do count = ::read(file_.number(), buffer_.data(), buffer_.size());
  while (count < 0 && errno == EINTR);
  if (count < 0) throw refused(path_, "read");
  position_ += count;
  return {buffer_.data(), static_cast<std::size_t>(count)};
}

bool Lines::next(std::string& line) {
  line.clear();
  bool any = false, too_long = false;
  while (true) {
    if (rest_.empty()) rest_ = in_.more();
    if (rest_.empty()) break;
    if (!any) ++number_;
    any = true;
    const std::size_t end = rest_.find('\n');
    const std::string_view part = rest_.substr(0, end);
    too_long = too_long || std::ssize(line) + std::ssize(part) > longest_;
    if (!too_long) line += part;
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (end != std::string_view::npos) break;
  }
  if (too_long)
    throw Error(ErrorKind::capacity, place_ + ": line " + std::to_string(number_),
                "is longer than " + bytes_text(longest_),
                "allow more (--largest-document), or leave such lines out (--skip-bad)");
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return any;
}

}  // namespace pliant::data
