#include "machine/encrypted/ckks/context/params.h"

namespace pliant::ckks {

namespace {

// Largest log2(QP) by N for uniform ternary secrets and error deviation >= 3.19, classical attacks.
// Rows to 2^15 are those of the Homomorphic Encryption Security Standard (2018), the 128-bit column
// lowered to the later estimates of the Security Guidelines (eprint 2024/463); rows 2^16 and 2^17,
// which the standard lacks, are what OpenFHE 1.3 uses.
struct Row {
  int log_n, bits128, bits192, bits256;
};
constexpr Row kTable[] = {
    {10, 26, 19, 14},    {11, 53, 37, 29},    {12, 106, 75, 58},     {13, 214, 152, 118},
    {14, 430, 305, 237}, {15, 868, 611, 476}, {16, 1747, 1199, 929}, {17, 3523, 2411, 1866},
};

}  // namespace

int max_modulus_bits(int log_n, int security) {
  for (const Row& row : kTable)
    if (row.log_n == log_n)
      return security == 128   ? row.bits128
             : security == 192 ? row.bits192
             : security == 256 ? row.bits256
                               : 0;
  return 0;
}

}  // namespace pliant::ckks
