#include "machine/torch/process.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "core/error.h"
#include "core/pool.h"

namespace pliant::aten {
namespace {

using Clock = std::chrono::steady_clock;

// Of a square product, the best of a few.
double product_rate(at::ScalarType type, const at::Device& device, std::int64_t size) {
  const auto options = at::TensorOptions(device).dtype(type);
  const at::Tensor a = at::full({size, size}, 0.5, options),
                   b = at::full({size, size}, 0.25, options);
  const auto multiply = [&] {  // and wait for it
    return a.mm(b).narrow(0, 0, 1).narrow(1, 0, 1).item<double>();
  };
  multiply();
  constexpr double enough = 0.5;
  const auto begin = Clock::now();
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  double best = 0;
  for (int i = 0; i < 5 || (i < 20 && since(begin) < enough); ++i) {
    const auto start = Clock::now();
    multiply();
    best = std::max(best, 2 * std::pow(static_cast<double>(size), 3) / since(start));
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
  const auto gigas = [](at::ScalarType type) { return 1e-9 * product_rate(type, at::kCPU, 256); };
  const double rate = gigas(at::kFloat), half_rate = half ? gigas(at::kBFloat16) : 0;
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

double product_rate(const Options& options, const at::Device& device) {
  const bool half = options.precision == Precision::bf16;
  return product_rate(half ? at::kBFloat16 : at::kFloat, device, device.is_cuda() ? 8192 : 1024);
}

}  // namespace pliant::aten
