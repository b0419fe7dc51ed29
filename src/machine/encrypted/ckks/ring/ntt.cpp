#include "machine/encrypted/ckks/ring/ntt.h"

#include "machine/encrypted/ckks/ring/primes.h"

namespace pliant::ckks {

namespace {

void fill_powers(std::vector<u64>& w, std::vector<u64>& w_shoup, u64 root, int log_n,
                 const Modulus& m) {
  const std::size_t n = std::size_t{1} << log_n;
  w.resize(n);
  w_shoup.resize(n);
  u64 power = 1;
  for (std::size_t i = 0; i < n; ++i, power = multiply(power, root, m)) {
    const std::size_t at = bit_reverse(static_cast<std::uint32_t>(i), log_n);
    w[at] = power;
    w_shoup[at] = shoup(power, m.q);
  }
}

}  // namespace

NttTable ntt_table(u64 q, int log_n) {
  NttTable table;
  table.mod = modulus(q);
  table.log_n = log_n;
  const u64 root = primitive_root(u64{2} << log_n, table.mod);
  fill_powers(table.w, table.w_shoup, root, log_n, table.mod);
  fill_powers(table.iw, table.iw_shoup, inverse(root, table.mod), log_n, table.mod);
  for (const u64 w : table.w) table.centred.push_back(centred(w, table.mod));
  for (const u64 w : table.iw) table.icentred.push_back(centred(w, table.mod));
  table.n_inverse = inverse(u64{1} << log_n, table.mod);
  return table;
}

std::vector<std::uint32_t> automorphism_index(std::uint32_t galois, int log_n) {
  const std::uint32_t n = std::uint32_t{1} << log_n;
  std::vector<std::uint32_t> reversed(n), index(n);
  for (std::uint32_t i = 1; i < n; ++i) reversed[i] = reversed[i / 2] / 2 | (i & 1) << (log_n - 1);
  for (std::uint32_t i = 0; i < n; ++i) {
    // Value i of the image is the image's value at psi^e, which is the original's at psi^(e
    // galois).
    const std::uint32_t exponent = 2 * reversed[i] + 1;
    const std::uint32_t source = exponent * galois & (2 * n - 1);
    index[i] = reversed[(source - 1) / 2];
  }
  return index;
}

}  // namespace pliant::ckks
