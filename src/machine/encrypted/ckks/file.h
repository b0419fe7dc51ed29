// Ciphertexts and keys as bytes: docs/formats.md. Uniform halves travel as their seeds.
//
// With an authentication key forged bytes are refused too, and files for another purpose; without
// one the hash finds damage only. Reading checks the envelope, then every size
// against what is there before it allocates, and every residue against its prime. Throws
// Error{format}, or Error{invalid} for other parameters.
#pragma once

#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/keys/ciphertext.h"

namespace pliant::ckks {

std::vector<std::byte> serialize(const Ciphertext& ciphertext, const Authentication& key = {});
std::vector<std::byte> serialize(const Context& context, const SecretKey& secret,
                                 const Authentication& key = {});  // handle like the key
std::vector<std::byte> serialize(const PublicKey& key_, const Authentication& key = {});
std::vector<std::byte> serialize(const SwitchKey& key_, const Authentication& key = {});

Ciphertext parse_ciphertext(const Context& context, std::span<const std::byte> bytes,
                            const Authentication& key = {});
SecretKey parse_secret_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key = {});
PublicKey parse_public_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key = {});
// What a switching key serves, and that the file has the right hash and size; nothing of the key is
// read.
struct SwitchKeyName {
  std::uint32_t galois = 0;
  int level = 0;
};
SwitchKeyName switch_key_name(const Context& context, std::span<const std::byte> bytes,
                              const Authentication& key = {});
SwitchKey parse_switch_key(const Context& context, std::span<const std::byte> bytes,
                           const Authentication& key = {});

}  // namespace pliant::ckks
