// Another program, run to its end.
#pragma once

#include <string>
#include <vector>

namespace pliant::cli {

struct Ended {
  int status = 0;    // as waitpid() gives it
  std::string text;  // what it printed
};

enum class Heard { output, errors };

// words[0] is a path. One of its two streams is read; of `output`, the other one is dropped. Throws
// Error{io} where it cannot be run.
Ended run_program(std::vector<std::string> words, Heard heard);

// The path of a program that is installed beside this one; it may be missing. Throws Error{io}
// where the system does not say where this one is.
std::string beside_this_program(const std::string& name);

}  // namespace pliant::cli
