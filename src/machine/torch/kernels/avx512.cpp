#include "machine/torch/kernels/body.h"

namespace pliant::aten::kernels {

const Table& avx512() { return table; }

}  // namespace pliant::aten::kernels
