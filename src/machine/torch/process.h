// What there is one of per process: libtorch's threads and determinism, the library of its
// products, and the memory it allocates from.
#pragma once

#include <string>

#include "machine/torch/kinds/ops.h"
#include "machine/torch/options.h"

namespace pliant::aten {

// Checks the options, sets threads and determinism, keeps freed memory for the next step, and gives
// the device.
at::Device configure(const Options& options);

// Empty, or why products are slow here. `half`: those in bf16 count too.
std::string slow_products(bool half);

// Floating-point operations per second of large matrix products with all that configure() set, the
// best of a few.
double product_rate(const Options& options, const at::Device& device);

}  // namespace pliant::aten
