// The options of `pliant train`: one table for pliant, which hands over, and pliant-train, which
// works.
#pragma once

#include <optional>
#include <string>

#include "command/options.h"

namespace pliant::cli {

struct TrainOptions {
  std::string recipe, out, device;
  std::int64_t steps = 0, tokens = 0;
  Seconds time;
  bool dry_run = false;
};

Command train_command(TrainOptions& options);

}  // namespace pliant::cli
