#pragma once

#include "machine/torch/options.h"

namespace pliant::aten {

inline Options one_thread() {
  Options options;
  options.threads = 1;
  return options;
}

}  // namespace pliant::aten
