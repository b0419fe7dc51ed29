// Starts the real binary and keeps what it prints.
#pragma once

#include <functional>
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
bool can_train();  // pliant-train is there
Outcome shell(const std::string& command);

// The binary on a terminal of its own, where Ctrl-C is a key ("\x03").
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& words);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  void type(const std::string& text);
  void send(int signal) const;
  // Reads until `until` is true of all that was printed since the last text was typed; false after
  // 30 seconds or at the end.
  bool wait(const std::function<bool(const std::string& printed)>& until);
  int end();  // waits for it; exit code, 128 + signal

 private:
  int child_ = -1, terminal_ = -1;
  std::string printed_;
};

// a path in this run's folder
std::string temporary(const std::string& name);
std::string temporary(const std::string& name, const std::string& bytes);  // the same, written

}  // namespace pliant::test
