#include "cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <utility>

#include "core/files.h"

namespace pliant::test {
namespace {

pid_t start(const std::vector<std::string>& words, const std::string& out, const std::string& err) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = -1;
  const int failed =
      posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(failed, 0) << words[0];
  return failed != 0 ? -1 : child;
}

// The status of a child's end. One that hangs is ended and named: the time limit of all tests
// together would not say which it was.
int wait_for(pid_t child, const std::vector<std::string>& words) {
  constexpr std::chrono::seconds most(240);
  const auto late = std::chrono::steady_clock::now() + most;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    usleep(2000);
    if (std::chrono::steady_clock::now() < late) continue;
    std::string line;
    for (const std::string& word : words) line += " " + word;
    ADD_FAILURE() << "still running after " << most.count() << " s:" << line;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    break;
  }
  return status;
}

Outcome run(const std::vector<std::string>& words, int signal = 0, double seconds = 0) {
  const std::string out = temporary("stdout"), err = temporary("stderr");
  const pid_t child = start(words, out, err);
  if (child < 0) return {};
  if (signal != 0) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
    kill(child, signal);
  }
  const int status = wait_for(child, words);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out),
          read_file(err)};
}

}  // namespace

Outcome pliant(const std::vector<std::string>& words) { return pliant_interrupted(words, 0, 0); }

Outcome pliant_interrupted(const std::vector<std::string>& words, int signal, double seconds) {
  std::vector<std::string> all{PLIANT_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  return run(all, signal, seconds);
}

bool can_train() {
  static const bool can =
      pliant({"train", "none.json"}).err.find("has no pliant-train") == std::string::npos;
  return can;
}

Outcome shell(const std::string& command) { return run({"/bin/sh", "-c", command}); }

Terminal::Terminal(const std::vector<std::string>& words) {
  std::vector<std::string> all{PLIANT_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  child_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
  if (child_ != 0) return;
  execv(arguments[0], arguments.data());
  _exit(127);
}

Terminal::~Terminal() {
  if (child_ > 0) kill(child_, SIGKILL), end();
  close(terminal_);
}

void Terminal::type(const std::string& text) {
  printed_.clear();
  EXPECT_EQ(write(terminal_, text.data(), text.size()), std::ssize(text));
}

void Terminal::send(int signal) const { kill(child_, signal); }

bool Terminal::wait(const std::function<bool(const std::string&)>& until) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  char bytes[4096];
  while (!until(printed_)) {
    pollfd ready{terminal_, POLLIN, 0};
    if (std::chrono::steady_clock::now() > late || poll(&ready, 1, 1000) < 0) return false;
    if (ready.revents == 0) continue;
    const ssize_t count = read(terminal_, bytes, sizeof bytes);
    if (count <= 0) return false;  // the other end is closed
    printed_.append(bytes, static_cast<std::size_t>(count));
  }
  return true;
}

int Terminal::end() {
  wait([](const std::string&) { return false; });  // what nobody reads would hold it up
  kill(child_, SIGKILL);                           // changes nothing once it has ended
  int status = 0;
  waitpid(std::exchange(child_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string temporary(const std::string& name) {
  static const struct Folder {
    std::string path = testing::TempDir() + "pliant_cli_" + std::to_string(getpid());
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  } folder;
  return folder.path + "/" + name;
}

std::string temporary(const std::string& name, const std::string& bytes) {
  write_file(temporary(name), bytes);
  return temporary(name);
}

}  // namespace pliant::test
