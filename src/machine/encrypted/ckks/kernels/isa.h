// The tables of kernels that only some processors run; defined where the compiler can build them.
#pragma once

#include "machine/encrypted/ckks/kernels/kernels.h"

namespace pliant::ckks {

const Kernels& built_avx2_kernels();
const Kernels& built_ifma_kernels();
const EmbeddingStages& built_avx2_embedding();

}  // namespace pliant::ckks
