// The evaluating side of an einsum on files.
#pragma once

#include <string>
#include <vector>

#include "command/verb.h"

namespace pliant::cli {

struct EvaluateOptions {
  std::string expression, keys, out;
  std::vector<std::string> files;
  bool dry_run = false;
};
int run_evaluate(const EvaluateOptions& options, const Invocation& context);

}  // namespace pliant::cli
