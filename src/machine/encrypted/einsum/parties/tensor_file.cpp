#include "machine/encrypted/einsum/parties/tensor_file.h"

#include <fmt/format.h>

#include <cstring>

#include "core/error.h"

namespace pliant::einsum {

using ckks::Ciphertext;
using ckks::u64;

namespace {

constexpr std::uint32_t kCiphertexts = 1 << 20;

ckks::EnvelopeKind kind_of(const ckks::Authentication& purpose) {
  return purpose.from == ckks::Sender::contributor ? ckks::EnvelopeKind::contribution
                                                   : ckks::EnvelopeKind::tensor;
}

}  // namespace

std::vector<std::byte> serialize_tensor(const ckks::Context& context,
                                        const std::vector<const Ciphertext*>& ciphertexts,
                                        const ckks::Authentication& purpose) {
  ckks::Writer out;
  out.begin(kind_of(purpose), context.hash());
  out.put(static_cast<std::uint32_t>(ciphertexts.size()));
  for (const Ciphertext* each : ciphertexts)
    out.put_blob(each == nullptr ? std::vector<std::byte>() : serialize(*each));
  return out.seal(purpose);
}

std::vector<std::optional<Ciphertext>> parse_tensor(const ckks::Context& context,
                                                    std::span<const std::byte> bytes,
                                                    const ckks::Authentication& purpose,
                                                    const std::string& place) try {
  ckks::Reader in(bytes, kind_of(purpose), &context.hash(), purpose);
  const std::uint32_t count = in.word(kCiphertexts, "number of ciphertexts");
  in.expect(count * sizeof(u64), "the ciphertexts");
  std::vector<std::optional<Ciphertext>> result(count);
  for (auto& each : result)
    if (const auto blob = in.blob("a ciphertext"); !blob.empty())
      each = ckks::parse_ciphertext(context, blob);
  in.finish();
  return result;
} catch (const Error& error) {
  throw Error(error.kind(), place, error.place() + ": " + error.problem(), error.next_step());
}

u64 request_number(const std::vector<std::span<const std::byte>>& files) {
  ckks::Writer tags;
  for (const auto& file : files) {
    if (file.size() < sizeof(ckks::Hash))
      throw Error(ErrorKind::format, "request",
                  fmt::format("a file of {} bytes is no encrypted tensor", file.size()));
    tags.put_blob(file.last(sizeof(ckks::Hash)));
  }
  const ckks::Hash hash = ckks::blake2b(tags.bytes());
  u64 number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  return number;
}

}  // namespace pliant::einsum
