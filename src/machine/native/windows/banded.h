// Convolution as a matrix product that reads the taps where a band of input lines holds them:
// nothing is gathered.
#pragma once

#include "machine/native/ops/operator_kernel.h"
#include "machine/native/windows/spatial.h"

namespace pliant::native {

struct ConvolveSizes {
  std::int64_t batch, groups, in, out;  // in, out: channels per group
};

// Whether it pays: gathering costs the more the fewer channels use it, lines of odd lengths leave
// lanes unused.
bool banded_fits(const ConvolveSizes& sizes, const Spatial& s);

std::unique_ptr<OperatorKernel> banded(const ConvolveSizes& sizes, const Spatial& s,
                                       const OperatorContext& context);

}  // namespace pliant::native
