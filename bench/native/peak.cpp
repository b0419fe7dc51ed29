#include "native/peak.h"

#include "machine/native/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/peak.cpp"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::bench {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
constexpr int chains = 12;  // latency 4 times two units, with some to spare; fits 16 registers

std::int64_t chained(std::int64_t rounds, float seed, float& sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, seed), term = hn::Set(d, 1 - seed);
  hn::Vec<decltype(d)> sum[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, seed + static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  auto all = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) all = hn::Add(all, sum[i]);
  sink = hn::GetLane(hn::SumOfLanes(d, all));
  return rounds * chains * 2 * static_cast<std::int64_t>(hn::Lanes(d));
}

std::int64_t vector_bits() {
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())) * 32;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::bench {

HWY_EXPORT(chained);
HWY_EXPORT(vector_bits);

std::int64_t multiply_add(std::int64_t rounds, float seed, float& sink) {
  return HWY_DYNAMIC_DISPATCH(chained)(rounds, seed, sink);
}

std::string widest_vectors() {
  return std::to_string(HWY_DYNAMIC_DISPATCH(vector_bits)()) + "-bit";
}

}  // namespace pliant::bench
#endif
