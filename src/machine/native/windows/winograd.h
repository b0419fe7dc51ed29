// 3x3 convolution of stride 1 by Winograd's minimal filtering (Lavin and Gray, arXiv 1509.09308):
// tiles of 2x2 or 4x4 outputs from one product of matrices per element of the transformed tile,
// 2.25 or 4 times fewer multiplications. The 4x4 tile interpolates at 0, +-sqrt(1/2), +-sqrt(2) and
// infinity, which keeps the error within twice that of the direct sum; at 0, +-1, +-2 it is seven
// times that.
#pragma once

#include "machine/native/ops/operator_kernel.h"
#include "machine/native/windows/spatial.h"

namespace pliant::native {

struct WinogradSizes {
  std::int64_t batch, in, out;
};

bool winograd_fits(const WinogradSizes& sizes, const Spatial& s);

// Runs `direct` until its weights are fixed: only then can they be transformed beforehand.
std::unique_ptr<OperatorKernel> winograd(const WinogradSizes& sizes, const Spatial& s,
                                         const OperatorContext& context,
                                         std::unique_ptr<OperatorKernel> direct);

}  // namespace pliant::native
