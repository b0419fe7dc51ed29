#include "machine/encrypted/ckks/context/params.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/ring/primes.h"

namespace pliant::ckks {

namespace {

void put_fields(Writer& out, const Params& params) {
  for (const int field : {params.log_n, params.levels, params.scale_bits, params.first_bits,
                          params.digits, params.security, params.insecure_for_tests ? 1 : 0})
    out.put(static_cast<std::uint32_t>(field));
  out.put(params.magnitude);
}

void in_range(const char* name, int value, int low, int high) {
  if (value < low || value > high)
    throw Error(ErrorKind::usage, "ckks parameters",
                fmt::format("{} {} is not between {} and {}", name, value, low, high));
}

}  // namespace

const Params& in_range(const Params& params) {
  in_range("log_n", params.log_n, 4, 17);
  in_range("levels", params.levels, 0, 60);
  in_range("scale_bits", params.scale_bits, 20, 49);
  in_range("first_bits", params.first_bits, params.scale_bits, kPrimeBits);
  in_range("digits", params.digits, 1, 32);
  if (params.security != 128 && params.security != 192 && params.security != 256)
    throw Error(ErrorKind::usage, "ckks parameters",
                fmt::format("security {} is not 128, 192 or 256", params.security));
  if (!std::isfinite(params.magnitude) || params.magnitude <= 0)
    throw Error(ErrorKind::usage, "ckks parameters",
                fmt::format("magnitude {} is not positive", params.magnitude));
  return params;
}

namespace {

PrimeChain chain_of(const Params& p) {
  in_range(p);
  return find_chain(p.log_n, p.levels, p.scale_bits, p.first_bits, p.digits);
}

}  // namespace

std::string describe(const Params& p) {
  return fmt::format(
      "N 2^{}, {} levels, scale 2^{}, first prime {} bits, {} digits, {}-bit security{}, magnitude "
      "{}",
      p.log_n, p.levels, p.scale_bits, p.first_bits, p.digits, p.security,
      p.insecure_for_tests ? " not enforced" : "", p.magnitude);
}

double modulus_bits(const Params& params) {
  const PrimeChain chain = chain_of(params);
  double bits = 0;
  for (const std::vector<u64>* primes : {&chain.q, &chain.p})
    for (const u64 prime : *primes) bits += std::log2(prime);
  return bits;
}

Hash hash(const Params& params) {
  const PrimeChain chain = chain_of(params);
  Writer out;
  put_fields(out, params);
  for (const std::vector<u64>* primes : {&chain.q, &chain.p})
    for (const u64 prime : *primes) out.put(prime);
  return blake2b(out.bytes());
}

std::vector<std::byte> serialize(const Params& params) {
  Writer out;
  out.begin(EnvelopeKind::parameters, Hash{});
  put_fields(out, params);
  return out.seal({});
}

Params parse_params(std::span<const std::byte> bytes, bool accept_insecure) {
  Reader in(bytes, EnvelopeKind::parameters, nullptr, {});
  Params params;
  for (int* field : {&params.log_n, &params.levels, &params.scale_bits, &params.first_bits,
                     &params.digits, &params.security})
    *field = static_cast<int>(in.word(256, "a field"));
  params.insecure_for_tests = in.word(1, "the test flag") != 0;
  params.magnitude = in.real("magnitude");
  in.finish();
  in_range(params);
  if (params.insecure_for_tests && !accept_insecure)
    throw Error(ErrorKind::unsupported, "ckks parameters file",
                "the set is marked insecure, for tests only");
  return params;
}

}  // namespace pliant::ckks
