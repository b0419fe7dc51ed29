// Starts the real binary and keeps what it prints.
#pragma once

#include <string>
#include <vector>

namespace pliant::test {

struct Outcome {
  int code = -1;  // exit code; 128 + signal
  std::string out, err;
};

Outcome pliant(const std::vector<std::string>& words);
// The same with a signal sent after `seconds`.
Outcome pliant_interrupted(const std::vector<std::string>& words, int signal, double seconds);
Outcome shell(const std::string& command);

std::string temporary(const std::string& name);                            // a path in this run's folder
std::string temporary(const std::string& name, const std::string& bytes);  // the same, written

}  // namespace pliant::test
