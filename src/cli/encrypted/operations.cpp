#include "cli/encrypted/operations.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::cli {

Operations::Operations(const Invocation& context, std::string verb, std::string aim)
    : stop_(context.stop),
      verb_(std::move(verb)),
      aim_(std::move(aim)),
      progress_(context.log, steady_clock()) {}

std::function<void()> Operations::watch() {
  return [this] {
    if (stop_) throw Error(ErrorKind::cancelled, verb_, "stopped before there was " + aim_);
    progress_.show([&] { return fmt::format("{}: {} operations", verb_, done_); });
    ++done_;
  };
}

}  // namespace pliant::cli
