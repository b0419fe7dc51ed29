// The queries of one row that share a KV head, as the keys of a cache want them: turned where those
// are, and rounded to 8 bits in blocks where those are integers.
#pragma once

#include "machine/native/encoded/encoded.h"
#include "machine/native/kernels/kernels.h"
#include "machine/native/kv/pages.h"

namespace pliant::native {

struct CacheKernels {
  const GemmKernels* gemm;
  const EncodedKernels* encoded;
};

class CacheQueries {
 public:
  static constexpr std::int64_t most = 8;

  // `count` of them, one after another; `q` stays as long as this.
  CacheQueries(const CacheKernels& kernels, const kv::RowCode& keys, const float* q,
               std::int64_t count);
  CacheQueries(const CacheQueries&) = delete;
  // scores[h * page_entries + i] = the product of query h and key i, i < entries
  void multiply(const std::byte* keys, std::int64_t entries, float* scores) const;

 private:
  void turn(const float* q);

  CacheKernels kernels_;
  const kv::RowCode* keys_;
  const float* q_;
  std::int64_t count_, step_;
  RoundedRows rounded_;
  alignas(64) float turned_[most * kv::widest_head];
  // codes, what is added to their sums, scales
  alignas(64)
      std::byte memory_[2 * most * kv::widest_head + most * kv::widest_head / rounded_block * 4];
};

}  // namespace pliant::native
