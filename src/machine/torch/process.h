// What libtorch keeps one of per process: threads, determinism, the library of its products.
#pragma once

#include <string>

#include "machine/torch/kinds/ops.h"
#include "machine/torch/options.h"

namespace pliant::aten {

// Checks the options, sets threads and determinism, and gives the device.
at::Device configure(const Options& options);

// Empty, or why products are slow here.
std::string slow_products();

}  // namespace pliant::aten
