// The options of `pliant search train`: one table for pliant, which hands over, and pliant-train,
// which works.
#pragma once

#include <string>

#include "command/options.h"

namespace pliant::cli {

struct SearchTrainOptions {
  std::string recipe, out, device;
  std::int64_t steps = 0;
  bool dry_run = false;
};

Command search_train_command(SearchTrainOptions& options);

}  // namespace pliant::cli
