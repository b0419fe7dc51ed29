#include "cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

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
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(failed, 0) << words[0];
  return failed != 0 ? -1 : child;
}

Outcome run(const std::vector<std::string>& words, int signal = 0, double seconds = 0) {
  const std::string out = temporary("stdout"), err = temporary("stderr");
  const pid_t child = start(words, out, err);
  if (child < 0) return {};
  if (signal != 0) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
    kill(child, signal);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

}  // namespace

Outcome pliant(const std::vector<std::string>& words) { return pliant_interrupted(words, 0, 0); }

Outcome pliant_interrupted(const std::vector<std::string>& words, int signal, double seconds) {
  std::vector<std::string> all{PLIANT_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  return run(all, signal, seconds);
}

Outcome shell(const std::string& command) { return run({"/bin/sh", "-c", command}); }

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
