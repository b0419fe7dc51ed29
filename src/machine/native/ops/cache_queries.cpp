#include "machine/native/ops/cache_queries.h"

#include <algorithm>

namespace pliant::native {

CacheQueries::CacheQueries(const CacheKernels& kernels, const kv::RowCode& keys, const float* q,
                           std::int64_t count)
    : kernels_(kernels), keys_(&keys), q_(q), count_(count), step_(keys.width()) {
  if (!keys.in_blocks()) return;
  turn(q);
  rounded_ = RoundedRows::at(memory_, count, step_);
  for (std::int64_t h = 0; h < count; ++h)
    kernels_.encoded->round(keys.encoding(), q_ + h * step_, h, rounded_);
}

void CacheQueries::turn(const float* q) {
  const std::int64_t width = keys_->width();
  step_ = keys_->elements();
  for (std::int64_t h = 0; h < count_; ++h) {
    float* to = turned_ + h * step_;
    std::copy_n(q + h * width, width, to);
    std::fill(to + width, to + step_, 0.0F);
    if (keys_->rotated()) kv::rotate(to, width);
  }
  q_ = turned_;
}

void CacheQueries::multiply(const std::byte* keys, std::int64_t entries, float* scores) const {
  if (keys_->in_blocks())
    return kernels_.encoded->dots(keys_->encoding(), keys, entries, rounded_, count_, scores,
                                  kv::page_entries);
  if (keys_->type() != kv::CacheType::f32)
    return kernels_.encoded->halves(keys_->encoding(), keys, entries, q_, step_, step_, count_,
                                    scores, kv::page_entries);
  for (std::int64_t h = 0; h < count_; ++h)
    kernels_.gemm->dots(q_ + h * step_, reinterpret_cast<const float*>(keys), step_, step_, entries,
                        scores + h * kv::page_entries);
}

}  // namespace pliant::native
