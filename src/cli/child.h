// Another program, run to its end.
#pragma once

#include <string>
#include <vector>

namespace pliant::cli {

struct Ended {
  int status = 0;    // as waitpid() gives it
  std::string text;  // what it printed
};

// What is read of its two streams, and what becomes of the other one.
enum class Heard {
  output,   // its errors are dropped
  results,  // its output, too; its messages and progress are seen
  errors    // its output is seen
};

// words[0] is a path. Throws Error{io} where it cannot be run.
Ended run_program(std::vector<std::string> words, Heard heard);

// The path of a program that is installed beside this one; it may be missing. Throws Error{io}
// where the system does not say where this one is.
std::string beside_this_program(const std::string& name);

}  // namespace pliant::cli
