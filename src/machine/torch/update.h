// One step of each rule on a range of the buckets.
#pragma once

#include "machine/torch/buckets.h"

namespace pliant::aten {

// `step` counts from 1. Writes parameters and moments; the halves are then old.
void update(Buckets& buckets, const Range& range, double rate, std::int64_t step, bool half);

// The nearest semi-orthogonal matrix, roughly: `iterations` of the quintic of Newton and Schulz
// with the published coefficients (Jordan 2024), which bring the singular values near 1. x is
// [rows, columns] or a batch of such.
at::Tensor orthogonal(const at::Tensor& x, int iterations);

}  // namespace pliant::aten
