// A verb of the command line: its option table and what it does. One file per verb.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/manual.h"
#include "core/options.h"
#include "core/pool.h"

namespace pliant::cli {

struct Common {
  bool json = false, quiet = false, help = false, version = false;
  LogLevel log_level = LogLevel::info;
  std::int64_t threads = 0;  // 0: all processors
  std::int64_t seed = 1;
  std::string config;
};

class Context {
 public:
  Context(const Common& common, const Manual& manual, std::ostream& out, Log& log, const std::atomic<bool>& stop)
      : common(common), manual(manual), out(out), log(log), stop(stop) {}
  Pool& pool() const;  // made at the first call

  const Common& common;
  const Manual& manual;
  std::ostream& out;  // results; messages and progress go to log
  Log& log;
  const std::atomic<bool>& stop;  // becomes true when the user wants the work to end early

 private:
  mutable std::unique_ptr<Pool> pool_;
};

enum ExitCode : int { success = 0, failure = 1, usage_error = 2 };

struct Verb {
  Command command;
  std::function<int(const Context&)> run;  // returns an exit code; throws Error
};

std::vector<Verb> all_verbs();
Verb chat_verb();
Verb completion_verb();
Verb convert_verb();
Verb detokenize_verb();
Verb doctor_verb();
Verb generate_verb();
Verb inspect_verb();
Verb logits_verb();
Verb man_verb();
Verb perplexity_verb();
Verb plan_check_verb();
Verb plan_verb();
Verb quantize_verb();
Verb run_verb();
Verb tokenize_verb();
Verb tokenizer_train_verb();

}  // namespace pliant::cli
