#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <streambuf>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/files/descriptor.h"
#include "core/files/input_guard.h"

namespace pliant {
namespace {

constexpr std::size_t most_name_bytes = 255;  // on Linux; some file systems take fewer

Error write_error(const std::string& path, int code, const char* action = "write") {
  const ErrorKind kind = code == ENOENT ? ErrorKind::not_found : ErrorKind::io;
  return {
      kind, path,
      std::string("cannot ") + action + (code == 0 ? "" : std::string(": ") + std::strerror(code))};
}

Error exists_already(const std::string& path) {
  return {ErrorKind::usage, path, "exists already, and is not written over",
          "choose another place, or remove it first"};
}

// Output to a descriptor, which an ofstream cannot be given; and it keeps what the system said.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
    setp(bytes_.data(), bytes_.data() + bytes_.size());
  }
  int code() const { return code_; }  // of the first failure; 0: none

 protected:
  int_type overflow(int_type c) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }

  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    if (count < std::ssize(bytes_)) return std::streambuf::xsputn(bytes, count);
    return sync() == 0 && put(bytes, bytes + count) ? count : 0;
  }

  int sync() override {
    const bool whole = put(pbase(), pptr());
    setp(bytes_.data(), bytes_.data() + bytes_.size());
    return whole ? 0 : -1;
  }

 private:
  bool put(const char* at, const char* end) {
    while (at != end && code_ == 0) {
      const ssize_t count = ::write(descriptor_, at, end - at);
      if (count >= 0) at += count;
      else if (errno != EINTR) code_ = errno;
    }
    return code_ == 0;
  }

  int descriptor_, code_ = 0;
  std::array<char, 1 << 16> bytes_;
};

void write_through(int descriptor, const std::string& path,
                   const std::function<void(std::ostream&)>& write) {
  DescriptorBuffer buffer(descriptor);
  std::ostream out(&buffer);
  write(out);
  if (!out.flush()) throw write_error(path, buffer.code());
}

// Files that are not whole yet, for whoever ends the process: a handler of signals may neither lock
// nor allocate.
struct Pending {
  enum State : int { unused, changing, named };
  std::atomic<int> state{unused};
  int folder = -1;
  char name[most_name_bytes + 1] = {};
};
std::array<Pending, 16> pending;  // further ones at the same time are not removed by a signal
static_assert(std::atomic<int>::is_always_lock_free);

Pending* announce(int folder, const std::string& name) {
  for (Pending& each : pending) {
    int expected = Pending::unused;
    if (!each.state.compare_exchange_strong(expected, Pending::changing)) continue;
    each.folder = folder;
    std::memcpy(each.name, name.c_str(), name.size() + 1);
    each.state = Pending::named;
    return &each;
  }
  return nullptr;
}

// Where links lead, as far as the last component goes: a link that is written to stays one.
std::string followed(const std::string& path) {
  std::filesystem::path at = path;
  for (int links = 0; links < 40; ++links) {  // as many as Linux follows
    std::error_code no_link;
    const std::filesystem::path to = std::filesystem::read_symlink(at, no_link);
    if (no_link) return at.string();
    at = at.parent_path() / to;  // all of `to` where that is absolute
  }
  throw write_error(path, ELOOP);
}

// Nobody can guess it, so nobody can put a link there, and two processes with one number (in two
// containers) do not meet. The target's own name begins it where there is room, for whoever finds
// one after a power cut.
std::string unguessable(const std::string& name, int folder) {
  std::array<unsigned char, 8> bytes;
  if (::getentropy(bytes.data(), bytes.size()) != 0) throw write_error(name, errno);
  std::string suffix = ".partial.";
  for (const unsigned char each : bytes)
    for (const int digit : {each >> 4, each & 15}) suffix += "0123456789abcdef"[digit];
  const long most = ::fpathconf(folder, _PC_NAME_MAX);
  const std::size_t room =
      most > 0 ? std::min<std::size_t>(most, most_name_bytes) : most_name_bytes;
  return (name.size() + suffix.size() <= room ? name : "pliant") + suffix;
}

// A file beside its target, which it replaces once it is whole; else it vanishes.
class PartialFile {
 public:
  // `old`: the target as it is; null if there is none, then `mode` is the file's.
  PartialFile(const std::string& path, const struct stat* old, mode_t mode = 0666) : path_(path) {
    const std::string target = followed(path);
    name_ = file_name(target);
    if (name_.empty()) throw write_error(path, EISDIR);
    const std::string folder = target.substr(0, target.size() - name_.size());
    folder_ =
        Descriptor(::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder_.is_open()) throw write_error(path, errno);
    create(old == nullptr ? mode : 0600);
    if (old != nullptr) take_over(*old);
  }

  ~PartialFile() {
    if (!beside_.empty()) ::unlinkat(folder_.number(), beside_.c_str(), 0);
    if (pending_ != nullptr) pending_->state = Pending::unused;
  }

  int descriptor() const { return file_.number(); }

  // The file gets a name that nothing has.
  void take_name() {
    if (::fsync(file_.number()) != 0) throw write_error(path_, errno);
    const int folder = folder_.number();
    int failed = ::renameat2(folder, beside_.c_str(), folder, name_.c_str(), RENAME_NOREPLACE);
    if (failed != 0 && errno == EINVAL)  // some file systems cannot
      failed = ::renameat(folder, beside_.c_str(), folder, name_.c_str());
    if (failed != 0 && errno == EEXIST) throw exists_already(path_);
    if (failed != 0) throw write_error(path_, errno);
    beside_.clear();
  }

  void replace_target() {
    if (::fsync(file_.number()) != 0) throw write_error(path_, errno);
    if (::renameat(folder_.number(), beside_.c_str(), folder_.number(), name_.c_str()) != 0)
      throw write_error(path_, errno, "replace");
    beside_.clear();
  }

 private:
  void create(mode_t mode) {
    int code = EEXIST;
    for (int tries = 0; tries < 16 && code == EEXIST; ++tries) {
      const std::string name = unguessable(name_, folder_.number());
      pending_ = announce(folder_.number(), name);  // first: a signal may come at once
      file_ = Descriptor(
          ::openat(folder_.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
      if (file_.is_open()) {
        beside_ = name;
        return;
      }
      code = errno;
      if (pending_ != nullptr) std::exchange(pending_, nullptr)->state = Pending::unused;
    }
    throw write_error(path_, code);
  }

  // The mode stays, and the owner where the system lets us give the file away.
  void take_over(const struct stat& old) {
    if (::fchown(file_.number(), old.st_uid, old.st_gid) != 0 &&
        ::fchown(file_.number(), -1, old.st_gid) != 0)
      errno = 0;
    if (::fchmod(file_.number(), old.st_mode & 0777) != 0 && errno != EPERM)
      throw write_error(path_, errno);
  }

  std::string path_, name_, beside_;  // as given; the target's name and ours in the folder
  Descriptor folder_, file_;
  Pending* pending_ = nullptr;
};

// A pipe, a device, or standard output under a name of its own (/dev/stdout): nothing to keep,
// nothing to rename.
void write_in_place(const std::string& path, const struct stat& status,
                    const std::function<void(std::ostream&)>& write) {
  const Descriptor file(S_ISREG(status.st_mode) ? ::dup(STDOUT_FILENO)
                                                : ::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) throw write_error(path, errno);
  write_through(file.number(), path, write);
}

bool is_standard_output(const struct stat& status) {
  struct stat out {};
  return ::fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == status.st_dev &&
         out.st_ino == status.st_ino;
}

}  // namespace

void write_file(const std::string& path, std::string_view contents) {
  write_file(path, [&](std::ostream& out) { out.write(contents.data(), std::ssize(contents)); });
}

void write_file(const std::string& path, const std::function<void(std::ostream&)>& write) {
  InputGuard::check(path);
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  // a name that is too long, before the work is done
  if (!exists && errno != ENOENT) throw write_error(path, errno);
  if (exists && S_ISDIR(status.st_mode)) throw write_error(path, EISDIR);
  if (exists && (!S_ISREG(status.st_mode) || is_standard_output(status)))
    return write_in_place(path, status, write);
  PartialFile file(path, exists ? &status : nullptr);
  write_through(file.descriptor(), path, write);
  file.replace_target();
}

void write_secret_file(const std::string& path, std::string_view contents) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) throw exists_already(path);
  if (errno != ENOENT) throw write_error(path, errno);
  PartialFile file(path, nullptr, 0600);
  write_through(file.descriptor(), path,
                [&](std::ostream& out) { out.write(contents.data(), std::ssize(contents)); });
  file.take_name();
}

void remove_partial_files() noexcept {
  for (const Pending& each : pending)
    if (each.state == Pending::named) ::unlinkat(each.folder, each.name, 0);
}

}  // namespace pliant
