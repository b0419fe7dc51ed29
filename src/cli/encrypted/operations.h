// The operations of a back end, counted on the status line, up to Ctrl-C.
#pragma once

#include <functional>

#include "command/verb.h"
#include "core/log/progress.h"

namespace pliant::cli {

class Operations {
 public:
  // `verb` begins the status line; `aim` is what there would have been.
  Operations(const Invocation& context, std::string verb, std::string aim);
  // To be called before each. Throws Error{cancelled} once the user wants the work to end.
  std::function<void()> watch();
  double seconds() const { return progress_.seconds(); }

 private:
  const std::atomic<bool>& stop_;
  std::string verb_, aim_;
  Progress progress_;
  std::int64_t done_ = 0;
};

}  // namespace pliant::cli
