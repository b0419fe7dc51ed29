#include "machine/native/encoded/encoded.h"

#include <algorithm>

#include "core/checked.h"

namespace pliant::native {
namespace {

constexpr std::int64_t line = 64;

std::int64_t code_bytes(std::int64_t rows, std::int64_t k) { return round_up(rows * k, line); }

std::int64_t scale_bytes(std::int64_t rows, std::int64_t k) {
  return round_up(rows * (k / rounded_block) * 4, line);
}

const EncodedKernels& best_of(bool avx2, bool vnni) {
  if (vnni && vnni_encoded_kernels() != nullptr) return *vnni_encoded_kernels();
  if (avx2 && avx2_encoded_kernels() != nullptr) return *avx2_encoded_kernels();
  return *scalar_encoded_kernels();
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
  if (&kernels == vnni_encoded_kernels()) return "vnni";
  return &kernels == avx2_encoded_kernels() ? "avx2" : "scalar";
}

const EncodedKernels& encoded_kernels(Isa isa) {
  switch (isa) {
    case Isa::best:
    case Isa::avx512: {
      static const EncodedKernels& best = best_of(true, true);
      return best;
    }
    case Isa::avx2: return best_of(true, false);
    case Isa::scalar:
    case Isa::sse4:
    case Isa::neon: break;
  }
  return *scalar_encoded_kernels();
}

}  // namespace pliant::native
