#include "machine/torch/process.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/pool.h"

namespace pliant::aten {
namespace {

using Clock = std::chrono::steady_clock;

// Billions of floating-point operations per second of an f32 product on one thread, the best of a
// few.
double product_rate() {
  constexpr std::int64_t size = 192;
  const at::Tensor a = at::full({size, size}, 0.5), b = at::full({size, size}, 0.25);
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

}  // namespace

at::Device configure(const Options& options) {
  check(options);
  const at::Device device(options.device);
  if (device.is_cuda() && !at::hasCUDA())
    throw Error(ErrorKind::unsupported, "device",
                fmt::format("'{}', but this libtorch or computer has no CUDA", options.device),
                "use cpu");
  at::set_num_threads(options.threads == 0 ? default_threads() : options.threads);
  at::globalContext().setDeterministicAlgorithms(options.deterministic, /*warn_only=*/true);
  return device;
}

// The plain library does 4 to 6, a fast one 50 and more even where other programs run beside it.
std::string slow_products() {
  constexpr double expected = 20;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double rate = product_rate();
  at::set_num_threads(threads);
  if (rate >= expected) return "";
  return fmt::format(
      "matrix products run at {:.1f} GFLOP/s on one thread, far below what a processor can do; "
      "install OpenBLAS (Debian: libopenblas0-openmp)",
      rate);
}

}  // namespace pliant::aten
