#include "machine/native/limits/processor_limits.h"

#include <algorithm>
#include <atomic>
#include <functional>

#include "core/checked.h"
#include "core/log/progress.h"
#include "core/reserved.h"

namespace pliant::native {
namespace {

// Of one run on every thread at once, the best of a few. With one thread processor time: what
// others do on the machine counts less.
double best_seconds(ThreadPool& pool, const std::function<void(std::int64_t part)>& work) {
  const Clock clock = pool.threads() == 1 ? processor_clock() : steady_clock();
  double best = 1e9, total = 0;
  for (int i = 0; i < 40 && (i < 3 || total < 0.08); ++i) {
    const double start = clock();
    pool.parallel(pool.threads(), [&](std::int64_t part, int) { work(part); });
    const double once = clock() - start;
    best = std::min(best, once);
    total += once;
  }
  return std::max(best, 1e-9);
}

template <typename Run>
double rate(ThreadPool& pool, const Run& run) {
  constexpr std::int64_t rounds = 100'000;
  std::atomic<std::int64_t> operations{0};
  std::atomic<float> sink{0};
  const double seconds = best_seconds(pool, [&](std::int64_t) {
    const Loop loop = run(rounds);
    operations = loop.operations;
    sink = loop.sink;
  });
  return static_cast<double>(operations) * pool.threads() / seconds;
}

double read_rate(ThreadPool& pool, std::int64_t bytes) {
  constexpr std::int64_t line = 1024;
  const std::int64_t part = round_up(std::max<std::int64_t>(bytes, 1 << 20) / pool.threads(), line);
  const ReservedArray<std::byte> memory(checked_multiply(part, pool.threads(), "read"), "read");
  std::fill_n(memory.data(), memory.size(), std::byte{1});
  std::atomic<std::uint64_t> sink{0};
  const double seconds =
      best_seconds(pool, [&](std::int64_t i) { sink += read_all(memory.data() + i * part, part); });
  return static_cast<double>(memory.size()) / seconds;
}

// Asked here, not in the loops: a function compiled for an instruction set may use it at once.
bool has_byte_dots() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

bool has_bf16_dots() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

}  // namespace

Limits measure_limits(ThreadPool& pool, std::int64_t read) {
  Limits limits;
  limits.f32 = rate(pool, multiply_adds);
  for (const bool wide : {false, true}) {
    const auto of = [&](Loop (*loop)(std::int64_t, bool)) {
      return rate(pool, [&](std::int64_t rounds) { return loop(rounds, wide); });
    };
    if (has_byte_dots()) limits.byte_dots = std::max(limits.byte_dots, of(byte_dots));
    if (has_bf16_dots()) limits.bf16_dots = std::max(limits.bf16_dots, of(bf16_dots));
  }
  limits.read_bytes = read_rate(pool, read);
  return limits;
}

}  // namespace pliant::native
