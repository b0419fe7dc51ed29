#include "cli/text/train_sentencepiece.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <filesystem>

#include "cli/child.h"
#include "core/error.h"

namespace pliant::cli {
namespace {

std::string program_path() {
  const std::string path = beside_this_program("pliant-sentencepiece");
  if (!std::filesystem::exists(path))
    throw Error(ErrorKind::not_found, path, "is missing beside pliant", "install Pliant again");
  return path;
}

}  // namespace

void run_sentencepiece(const SentencePieceJob& job) {
  std::vector<std::string> words = {program_path(), job.unigram ? "unigram" : "bpe",
                                    std::to_string(job.size), job.corpus, job.out};
  words.insert(words.end(), job.special.begin(), job.special.end());
  Ended ended = run_program(std::move(words), Heard::errors);
  if (WIFSIGNALED(ended.status))
    throw Error(ErrorKind::cancelled, job.corpus,
                fmt::format("training was ended by signal {}", WTERMSIG(ended.status)));
  while (ended.text.ends_with('\n')) ended.text.pop_back();
  if (WEXITSTATUS(ended.status) != 0)
    throw Error(ErrorKind::invalid, job.corpus, ended.text, "another --size, or a larger corpus");
}

}  // namespace pliant::cli
