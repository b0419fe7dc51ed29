// The inputs of a command, so that it writes over none of them.
#pragma once

#include <memory>
#include <string>

namespace pliant {

// While one exists, every file that is mapped is noted, and write_file() refuses to replace it,
// whatever it is called there: links and hard links lead to the same file. A file
// that is removed is no input any more. One at a time; it outlives whatever reads and writes.
class InputGuard {
 public:
  InputGuard();
  ~InputGuard();
  InputGuard(const InputGuard&) = delete;
  InputGuard& operator=(const InputGuard&) = delete;

  // Of the guard that exists; without one, nothing.
  // a file or folder that is read, now or later, if there is one
  static void note(const std::string& path);
  // throws Error{usage} naming both if `path` is one of those
  static void check(const std::string& path);

 private:
  struct Inputs;
  std::unique_ptr<Inputs> inputs_;
};

}  // namespace pliant
