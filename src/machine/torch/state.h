// Buckets to and from named tensors.
#pragma once

#include "machine/torch/buckets.h"
#include "quant/store.h"

namespace pliant::aten {

Tensor copy_of(const at::Tensor& bucket, const Slot& slot);  // f32

// As Learner::state() says.
WeightStore saved(const Buckets& buckets, std::int64_t steps);
// Gives the steps. Throws as Learner::restore(), the buckets then unchanged.
std::int64_t restored(const WeightStore& state, Buckets& buckets);

}  // namespace pliant::aten
