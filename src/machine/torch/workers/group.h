// What Workers are in libtorch; for machine/torch alone.
#pragma once

#include <ATen/core/Tensor.h>

#include "machine/torch/workers/workers.h"

namespace pliant::aten {

struct Workers::Group {
  virtual ~Group() = default;
  virtual void sum(at::Tensor& values) = 0;  // in place; throws Error{io}
  int rank = 0, size = 1;
};

}  // namespace pliant::aten
