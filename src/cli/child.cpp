#include "cli/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"

extern char** environ;

namespace pliant::cli {
namespace {

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

}  // namespace

Ended run_program(std::vector<std::string> words, Heard heard) {
  int ends[2];
  if (pipe(ends) != 0) throw Error(ErrorKind::io, words[0], "cannot open a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1],
                                   heard == Heard::errors ? STDERR_FILENO : STDOUT_FILENO);
  if (heard == Heard::output)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Ended ended;
  if (failed == 0) ended.text = read_all(ends[0]);
  close(ends[0]);
  if (failed != 0 || waitpid(child, &ended.status, 0) < 0)
    throw Error(ErrorKind::io, words[0], "cannot be run");
  return ended;
}

std::string beside_this_program(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error(ErrorKind::io, "/proc/self/exe", error.message());
  return (self.parent_path() / name).string();
}

}  // namespace pliant::cli
