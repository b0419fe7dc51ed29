#include "machine/encrypted/ckks/context/params.h"

namespace pliant::ckks {

namespace {

// Largest log2(QP) by N for uniform ternary secrets and error deviation >= 3.19 against classical
// attacks, from one run: that of the Security Guidelines for Implementing Homomorphic Encryption
// (eprint 2024/463; output_max_logQ_tables.txt of their repository), but for 106 and 430 at 128
// bits, which stay one below its figures. Rows stop where no set is small enough: a prime of 20
// bits and the special one that it needs make 46.
struct Row {
  int log_n, bits128, bits192, bits256;
};
constexpr Row kTable[] = {
    {11, 53, 0, 0},      {12, 106, 73, 56},     {13, 214, 148, 114},    {14, 430, 297, 230},
    {15, 868, 597, 463}, {16, 1747, 1199, 929}, {17, 3523, 2411, 1866},
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
