// Which kernels OpenBLAS chose.
#pragma once

#include <optional>
#include <string>

namespace pliant::aten {

// OpenBLAS falls back to kernels of 2004 on processors that are younger than it is: a quarter of
// the speed. Then, the value of OPENBLAS_CORETYPE with which a new process would have those of the
// widest vectors here; none where it chose well, was told what to choose, or is not there.
std::optional<std::string> better_blas_core();

}  // namespace pliant::aten
