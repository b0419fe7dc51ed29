// Ciphertexts and keys as bytes: docs/formats.md. Uniform halves travel as their seeds.
//
// With an authentication key (at most 64 bytes, shared by writer and reader) forged bytes are
// refused too; without one the hash finds damage only. Reading checks the envelope, then every size
// against what is there before it allocates, and every residue against its prime. Throws
// Error{format}, or Error{invalid} for other parameters.
#pragma once

#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/keys/ciphertext.h"

namespace pliant::ckks {

std::vector<std::byte> serialize(const Ciphertext& ciphertext, AuthKey key = {});
std::vector<std::byte> serialize(const Context& context, const SecretKey& secret,
                                 AuthKey key = {});  // handle like the key
std::vector<std::byte> serialize(const PublicKey& key_, AuthKey key = {});
std::vector<std::byte> serialize(const SwitchKey& key_, AuthKey key = {});

Ciphertext parse_ciphertext(const Context& context, std::span<const std::byte> bytes,
                            AuthKey key = {});
SecretKey parse_secret_key(const Context& context, std::span<const std::byte> bytes,
                           AuthKey key = {});
PublicKey parse_public_key(const Context& context, std::span<const std::byte> bytes,
                           AuthKey key = {});
SwitchKey parse_switch_key(const Context& context, std::span<const std::byte> bytes,
                           AuthKey key = {});

}  // namespace pliant::ckks
