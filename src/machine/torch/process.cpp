#include "machine/torch/process.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "core/error.h"
#include "core/pool.h"

namespace pliant::aten {
namespace {

using Clock = std::chrono::steady_clock;

// Billions of floating-point operations per second of a product on one thread, the best of a few.
double product_rate(at::ScalarType type) {
  constexpr std::int64_t size = 256;
  const at::Tensor a = at::full({size, size}, 0.5, type), b = at::full({size, size}, 0.25, type);
  at::Tensor c = a.mm(b);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    c = a.mm(b);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, 2e-9 * static_cast<double>(size * size * size) / seconds);
  }
  return best;
}

// A step makes and drops the same large arrays every time. By default glibc gives them back to the
// system, which clears each page again when it is next touched: a tenth of the time of a step.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace

at::Device configure(const Options& options) {
  check(options);
  const at::Device device(options.device);
  if (device.is_cuda() && !at::hasCUDA())
    throw Error(ErrorKind::unsupported, "device",
                fmt::format("'{}', but this libtorch or computer has no CUDA", options.device),
                "use cpu");
  keep_freed_memory();
  at::set_num_threads(options.threads == 0 ? default_threads() : options.threads);
  at::globalContext().setDeterministicAlgorithms(options.deterministic, /*warn_only=*/true);
  return device;
}

// The plain library does 4 to 6, and OpenBLAS about 14 where it does not know the processor; a fast
// one 50 and more even where other programs run beside it.
std::string slow_products(bool half) {
  constexpr double expected = 20;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double rate = product_rate(at::kFloat), half_rate = half ? product_rate(at::kBFloat16) : 0;
  at::set_num_threads(threads);
  if (rate < expected)
    return fmt::format(
        "matrix products run at {:.1f} GFLOP/s on one thread, far below what a processor can do; "
        "install OpenBLAS (Debian: libopenblas0-openmp), or, where it does not know this "
        "processor, set OPENBLAS_CORETYPE=Haswell (AVX2) or SkylakeX (AVX-512)",
        rate);
  if (half && half_rate < rate)
    return fmt::format(
        "products in bf16 run at {:.0f} GFLOP/s on one thread, in f32 at {:.0f}: this processor "
        "has nothing to speed bf16 up, f32 is both faster and more exact",
        half_rate, rate);
  return "";
}

}  // namespace pliant::aten
