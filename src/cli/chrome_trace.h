// What ran when, as chrome://tracing and Perfetto show it: an event for each operator and thread.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "machine/machine.h"

namespace pliant::cli {

class ChromeTrace : public Trace {
 public:
  void step(const Step& step) override;
  void span(std::string_view what, std::int64_t rows, double begin, double end) override;
  std::string to_json() const;

 private:
  struct Event {
    std::string_view name, kind;
    int thread = 0;
    std::int64_t count = 0;  // of tasks or rows
    double begin = 0, end = 0;
  };
  std::string_view kept(std::string_view name);

  std::unordered_set<std::string> names_;  // that events are called by
  std::vector<Event> events_;
  int threads_ = 1;
};

// Writes FILE when it is given one, at the end of what it traces.
class TraceFile {
 public:
  explicit TraceFile(std::string path) : path_(std::move(path)) {}
  Trace* trace() { return path_.empty() ? nullptr : &trace_; }
  void write() const;  // throws as write_file()

 private:
  std::string path_;
  ChromeTrace trace_;
};

}  // namespace pliant::cli
