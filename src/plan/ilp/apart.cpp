#include "plan/ilp/apart.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>
#include <string_view>

#include "core/error.h"

namespace pliant::plan {
namespace {

constexpr int poll_ms = 20;
constexpr double grace_s = 1;

[[noreturn]] void no_process(const char* what) {
  throw Error(ErrorKind::io, "integer program",
              std::string("cannot be started: ") + what + ": " + std::strerror(errno));
}

// A flag that both processes see.
class SharedFlag {
 public:
  SharedFlag() {
    void* page = mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) no_process("mmap");
    flag_ = new (page) std::atomic<bool>(false);
  }
  SharedFlag(const SharedFlag&) = delete;
  ~SharedFlag() { munmap(flag_, sizeof *flag_); }
  std::atomic<bool>& operator*() const { return *flag_; }

 private:
  std::atomic<bool>* flag_;
};

void write_all(int pipe, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = write(pipe, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);  // nobody listens any more
    bytes += written;
    count -= written;
  }
}

// Messages carry their length in front.
void send_to(int pipe, const std::string& message) {
  const std::uint64_t size = message.size();
  char head[sizeof size];
  std::memcpy(head, &size, sizeof size);
  write_all(pipe, head, sizeof head);
  write_all(pipe, message.data(), message.size());
}

class Messages {
 public:
  explicit Messages(const std::function<void(std::string_view)>& receive) : receive_(receive) {}

  // False at the end of the stream.
  bool take(int pipe) {
    char bytes[1 << 16];
    const ssize_t count = read(pipe, bytes, sizeof bytes);
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    buffer_.append(bytes, count);
    std::uint64_t size = 0;
    while (buffer_.size() >= sizeof size) {
      std::memcpy(&size, buffer_.data(), sizeof size);
      if (buffer_.size() - sizeof size < size) break;
      receive_(std::string_view(buffer_).substr(sizeof size, size));
      buffer_.erase(0, sizeof size + size);
    }
    return count > 0;
  }

 private:
  const std::function<void(std::string_view)>& receive_;
  std::string buffer_;
};

std::int64_t resident_bytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::int64_t whole = 0, resident = 0;
  return file >> whole >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

class Child {
 public:
  Child(pid_t process, int pipe) : process_(process), pipe_(pipe), held_(resident_bytes(process)) {}
  Child(const Child&) = delete;
  ~Child() {
    close(pipe_);
    if (!ended_) kill(process_, SIGKILL), reap();
  }

  bool run(const Limits& limits, std::atomic<bool>& over,
           const std::function<void(std::string_view)>& receive) {
    Messages messages(receive);
    pollfd ready{pipe_, POLLIN, 0};
    const Deadline limit(limits.seconds, limits.stop);
    double killed_at = 1e300;
    for (;;) {
      const int any = poll(&ready, 1, poll_ms);
      if (any > 0 && !messages.take(pipe_)) return reap();
      if (limit.over() && !over) {
        over = true;
        killed_at = limit.seconds() + grace_s;
        kill(process_, SIGINT);
      }
      if (limit.seconds() > killed_at || resident_bytes(process_) - held_ > limits.memory_bytes)
        return false;
    }
  }

 private:
  bool reap() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    ended_ = true;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  pid_t process_;
  int pipe_;
  std::int64_t held_;
  bool ended_ = false;
};

}  // namespace

bool run_apart(const std::function<void(const Send& send, const std::atomic<bool>& over)>& work,
               const Limits& limits, const std::function<void(std::string_view)>& receive) {
  const SharedFlag over;
  int ends[2];
  if (pipe(ends) != 0) no_process("pipe");
  const pid_t parent = getpid(), process = fork();
  if (process < 0) {
    close(ends[0]), close(ends[1]);
    no_process("fork");
  }
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    setpgid(0, 0);  // signals of the terminal are for the parent
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    try {
      work([&](const std::string& message) { send_to(ends[1], message); }, *over);
      _exit(0);
    } catch (...) {
      _exit(1);
    }
  }
  close(ends[1]);
  return Child(process, ends[0]).run(limits, *over, receive);
}

}  // namespace pliant::plan
