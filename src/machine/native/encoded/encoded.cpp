#include "machine/native/encoded/encoded.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/checked.h"

namespace pliant::native {
namespace {

constexpr std::int64_t line = 64;

std::int64_t code_bytes(std::int64_t rows, std::int64_t k) { return round_up(rows * k, line); }

std::int64_t scale_bytes(std::int64_t rows, std::int64_t k) {
  return round_up(rows * (k / rounded_block) * 4, line);
}

// Of a product of 64 rows with 48 columns, the best of a few.
double trial_seconds(const EncodedKernels& kernels) {
  constexpr std::int64_t rows = 64, k = 512;
  std::vector<std::byte> memory(RoundedRows::bytes(rows, k) + line);
  const std::vector<std::byte> weights(tall_columns * k / 32 * 18);
  std::vector<float> out(rows * tall_columns);
  const RoundedRows x = RoundedRows::at(memory.data(), rows, k);
  double best = 1;
  for (int i = 0; i < 8; ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernels.tall(Encoding::q4_0, weights.data(), tall_columns, x, rows, out.data(), tall_columns);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

EncodedChoice vnni_of_best_width() {
  const EncodedKernels *narrow = vnni_encoded_kernels(), *wide = wide_vnni_encoded_kernels();
  const double share = trial_seconds(*wide) / trial_seconds(*narrow);
  return {share < 1 ? wide : narrow,
          fmt::format("the processor has VNNI; in a trial at the start vectors of 512 bits took "
                      "{:.0f} % of the time of 256",
                      100 * share)};
}

EncodedChoice best_without_avx2() {
  if (i8mm_encoded_kernels() != nullptr)
    return {i8mm_encoded_kernels(), "the processor has byte dot products of either sign (i8mm)"};
  if (neon_encoded_kernels() != nullptr)
    return {neon_encoded_kernels(), "the processor has dot products of signed bytes, no i8mm"};
  return {scalar_encoded_kernels(), "the processor, or this build, has no byte dot products"};
}

EncodedChoice best_of(bool avx2, bool vnni) {
  if (vnni && vnni_encoded_kernels() != nullptr) return vnni_of_best_width();
  if (avx2 && avx2_encoded_kernels() != nullptr)
    return {avx2_encoded_kernels(), "the processor has AVX2, no AVX-512 with VNNI"};
  return best_without_avx2();
}

}  // namespace

std::int64_t RoundedRows::bytes(std::int64_t rows, std::int64_t k) {
  return 2 * code_bytes(rows, k) + scale_bytes(rows, k);
}

RoundedRows RoundedRows::at(std::byte* memory, std::int64_t rows, std::int64_t k) {
  std::byte* const lanes = memory + code_bytes(rows, k);
  return {reinterpret_cast<std::int8_t*>(memory),
          reinterpret_cast<float*>(lanes + code_bytes(rows, k)), lanes, k};
}

bool has_product(Encoding encoding) { return encoding != Encoding::plain; }

std::string_view name(const EncodedKernels& kernels) {
  if (&kernels == wide_vnni_encoded_kernels()) return "vnni512";
  if (&kernels == vnni_encoded_kernels()) return "vnni";
  if (&kernels == i8mm_encoded_kernels()) return "i8mm";
  if (&kernels == neon_encoded_kernels()) return "neon";
  return &kernels == avx2_encoded_kernels() ? "avx2" : "scalar";
}

const EncodedChoice& chosen_encoded_kernels() {
  static const EncodedChoice best = best_of(true, true);
  return best;
}

const EncodedKernels& encoded_kernels(Isa isa) {
  switch (isa) {
    case Isa::best:
    case Isa::avx512: return *chosen_encoded_kernels().kernels;
    case Isa::avx2: return *best_of(true, false).kernels;
    case Isa::scalar:
    case Isa::sse4:
    case Isa::neon: break;
  }
  return *scalar_encoded_kernels();
}

}  // namespace pliant::native
