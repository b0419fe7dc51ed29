// A whole command-line program: what main() does once the verbs are known.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "command/verb.h"

namespace pliant {

struct Executable {
  std::string name, version, summary;
  std::vector<Verb> verbs;
};

// Where results go, and where errors, messages and progress do.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;  // err is one: progress is shown
};

// Does what `words` (what follows the program's name) ask for: a verb, --help, --version. Any
// exception becomes a message with its next step (and, with --json, an object on `out`) and an exit
// code. The verb sees the first SIGINT or SIGTERM as Invocation::stop.
int run_executable(const Executable& executable, const std::vector<std::string>& words,
                   const Console& console);

// main() of `executable`: on the streams of the process.
int run_executable(const Executable& executable, int argc, char** argv);

}  // namespace pliant
