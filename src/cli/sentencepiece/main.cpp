// pliant-sentencepiece KIND SIZE CORPUS OUT [SPECIAL ...]: run by pliant tokenizer train, not by
// people.
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "core/error.h"
#include "core/files.h"
#include "core/files/input_guard.h"
#include "text/sentencepiece/train.h"

namespace {

void end(int signal) {
  pliant::remove_partial_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "pliant-sentencepiece is run by: pliant tokenizer train\n";
    return 2;
  }
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, end);
  try {
    const pliant::InputGuard guard;
    const pliant::MappedFile corpus(argv[3]);
    pliant::SentencePieceTraining options{.unigram = std::string(argv[1]) == "unigram",
                                          .size = std::atoll(argv[2])};
    options.special.assign(argv + 5, argv + argc);
    pliant::write_file(argv[4], pliant::train_sentencepiece(corpus.text(), options));
  } catch (...) {
    std::cerr << pliant::current_error().problem() << '\n';
    return 1;
  }
  return 0;
}
