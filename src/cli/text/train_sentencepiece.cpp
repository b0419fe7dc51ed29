#include "cli/text/train_sentencepiece.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"

extern char** environ;

namespace pliant::cli {
namespace {

std::string program_path() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto path = self.parent_path() / "pliant-sentencepiece";
  if (error || !std::filesystem::exists(path))
    throw Error(ErrorKind::not_found, path.string(), "is missing beside pliant",
                "install Pliant again");
  return path.string();
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

struct Ended {
  int status = 0;
  std::string errors;  // what it printed on standard error
};

Ended run_program(std::vector<std::string> words) {
  int ends[2];
  if (pipe(ends) != 0) throw Error(ErrorKind::io, words[0], "cannot open a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
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
  if (failed == 0) ended.errors = read_all(ends[0]);
  close(ends[0]);
  if (failed != 0 || waitpid(child, &ended.status, 0) < 0)
    throw Error(ErrorKind::io, words[0], "cannot be run");
  return ended;
}

}  // namespace

void run_sentencepiece(const SentencePieceJob& job) {
  std::vector<std::string> words = {program_path(), job.unigram ? "unigram" : "bpe",
                                    std::to_string(job.size), job.corpus, job.out};
  words.insert(words.end(), job.special.begin(), job.special.end());
  Ended ended = run_program(std::move(words));
  if (WIFSIGNALED(ended.status))
    throw Error(ErrorKind::cancelled, job.corpus,
                fmt::format("training was ended by signal {}", WTERMSIG(ended.status)));
  while (ended.errors.ends_with('\n')) ended.errors.pop_back();
  if (WEXITSTATUS(ended.status) != 0)
    throw Error(ErrorKind::invalid, job.corpus, ended.errors, "another --size, or a larger corpus");
}

}  // namespace pliant::cli
