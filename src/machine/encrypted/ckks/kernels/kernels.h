// The inner loops, one table of functions per instruction set, all equal to the last bit: every
// value that enters or leaves a kernel is reduced to [0, q) unless its line says otherwise. Arrays
// are 64-byte aligned, lengths are multiples of 16, outputs may be inputs. They keep nothing:
// threads may share them, and tables, which do not change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "machine/encrypted/ckks/kernels/word.h"

namespace pliant::ckks {

// Powers of a primitive 2N-th root psi in bit-reversed order, and of its inverse: w[i] =
// psi^bitrev(i); the same within [-q/2, q/2].
struct NttTable {
  Modulus mod;
  int log_n = 0;
  std::vector<u64> w, w_shoup, iw, iw_shoup;
  std::vector<double> centred, icentred;
  u64 n_inverse = 0;
};

struct ShoupFactor {  // a fixed factor and its quotient
  u64 w = 0, w_shoup = 0;
};
inline ShoupFactor factor(u64 w, const Modulus& m) { return {w, shoup(w, m.q)}; }

constexpr double centred(u64 w, const Modulus& m) {
  return w > m.q / 2 ? -static_cast<double>(m.q - w) : static_cast<double>(w);
}

// The fixed weights of a sum modulo a prime.
struct Weights {
  Modulus mod;
  std::vector<u64> w;           // below q
  std::vector<double> centred;  // the same within [-q/2, q/2]
  double shift = 0;             // 2^49 times their sum, modulo q, centred
};
Weights weights(std::vector<u64> w, const Modulus& m);

// Stages of the embedding, from x to y, both n real and then n imaginary parts: of blocks of
// `length` = n / s values, s of which share a twiddle (so that results are in natural order). `w`
// is the table of that length, w1 too and w2 that of half of it: real parts, then imaginary ones.
// fold goes to coefficients, unfold is its inverse times the factor by which it grows; the fours
// are two stages at once, for lengths from 8. No alias. s is 1 (for the fours) or a multiple of 4,
// except in the scalar ones.
struct EmbeddingStages {
  using One = void (*)(const double* x, double* y, const double* w, std::size_t n, std::size_t s);
  using Two = void (*)(const double* x, double* y, const double* w1, const double* w2,
                       std::size_t n, std::size_t s);
  One fold2;
  Two fold4;
  One unfold2;
  Two unfold4;
};

struct Kernels {
  const char* name;
  // Negacyclic transform in place: coefficients -> values at psi^(2 bitrev(i) + 1).
  void (*forward)(u64* x, const NttTable& table);
  // The inverse, times `times`, which is n_inverse times whatever is wanted.
  void (*inverse)(u64* x, const NttTable& table, ShoupFactor times);
  void (*add)(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m);
  void (*subtract)(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m);
  void (*multiply)(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m);
  // out += a b
  void (*multiply_add)(u64* out, const u64* a, const u64* b, std::size_t n, const Modulus& m);
  // a < 2^52
  void (*scale)(u64* out, const u64* a, ShoupFactor by, std::size_t n, const Modulus& m);
  void (*subtract_scale)(u64* out, const u64* a, const u64* b, ShoupFactor by, std::size_t n,
                         const Modulus& m);  // (a-b) by
  // out = sum of a[i] b[i].
  void (*inner)(u64* out, const u64* const* a, const u64* const* b, std::size_t terms,
                std::size_t n, const Modulus& m);
  // out[j] = sum of y[i] targets[j].w[i] for arrays y[i] below 2^50 (residues of other primes), at
  // least one and at most 128, as many as each of the `count` targets has weights. No alias.
  void (*combine)(u64* const* out, const u64* const* y, const Weights* targets, std::size_t count,
                  std::size_t n);
  // out = floor(1/2 + sum of y[i] * inverse[i]) in double, summed in the order of i.
  void (*round_sum)(u64* out, const u64* const* y, const double* inverse, std::size_t terms,
                    std::size_t n);
  // out[i] = a[index[i] & mask] for an automorphism's index, which maps aligned power-of-two blocks
  // to such blocks; mask + 1 is a power of two. No alias.
  void (*gather)(u64* out, const u64* a, const std::uint32_t* index, std::uint32_t mask,
                 std::size_t n);
  // out = x mod q, integers below 2^51 in size
  void (*residues)(u64* out, const double* x, std::size_t n, const Modulus& m);
  // Values of `width` bits, 16 to 50, one after the other from the lowest bit of `in` on. Reads up
  // to 64 bytes beyond them.
  void (*unpack)(u64* out, const std::uint8_t* in, int width, std::size_t n);
  const EmbeddingStages* embedding;  // of at least 16 values
};

const EmbeddingStages& scalar_embedding();  // of any power of two
const Kernels& scalar_kernels();
const Kernels* avx2_kernels();                 // null where this build or processor has none
const Kernels* ifma_kernels();                 // AVX-512 with 52-bit multiply-add and byte permutes
const Kernels& best_kernels();                 // of this processor
std::vector<const Kernels*> usable_kernels();  // the scalar ones first

}  // namespace pliant::ckks
