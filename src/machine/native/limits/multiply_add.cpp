#include "machine/native/kernels/targets.h"
#include "machine/native/limits/processor_limits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "multiply_add.cpp"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pliant::native {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
constexpr int chains = 12;  // latency 4 times two units, with some to spare; fits 16 registers

Loop chained(std::int64_t rounds) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.5F), term = hn::Set(d, 0.5F);
  hn::Vec<decltype(d)> sum[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  auto all = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) all = hn::Add(all, sum[i]);
  return {rounds * chains * 2 * static_cast<std::int64_t>(hn::Lanes(d)),
          hn::GetLane(hn::SumOfLanes(d, all))};
}

std::uint64_t read_lines(const std::byte* data, std::int64_t bytes) {
  const hn::ScalableTag<std::uint64_t> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* from = reinterpret_cast<const std::uint64_t*>(data);
  hn::Vec<decltype(d)> sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (std::int64_t i = 0; i < bytes / 8; i += 4 * step) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[j] = hn::Xor(sum[j], hn::LoadU(d, from + i + j * step));
  }
  const auto all = hn::Xor(hn::Xor(sum[0], sum[1]), hn::Xor(sum[2], sum[3]));
  return hn::GetLane(hn::SumOfLanes(d, all));
}

std::int64_t vector_bits() {
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())) * 32;
}

}  // namespace HWY_NAMESPACE
}  // namespace pliant::native
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pliant::native {

HWY_EXPORT(chained);
HWY_EXPORT(read_lines);
HWY_EXPORT(vector_bits);

Loop multiply_adds(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(chained)(rounds); }

std::uint64_t read_all(const std::byte* data, std::int64_t bytes) {
  return HWY_DYNAMIC_DISPATCH(read_lines)(data, bytes);
}

std::string widest_vectors() {
  return std::to_string(HWY_DYNAMIC_DISPATCH(vector_bits)()) + "-bit";
}

}  // namespace pliant::native
#endif
