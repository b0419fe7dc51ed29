// An encrypted tensor as a file: what travels between client and server (docs/formats.md).
#pragma once

#include <cstddef>
#include <vector>

#include "machine/encrypted/ckks/file.h"

namespace pliant::einsum {

// The ciphertexts of one operand or result, in the order of its layout; those that the plan does
// not read are absent. `purpose` says what the file is for, and is not in it.
std::vector<std::byte> serialize_tensor(const ckks::Context& context,
                                        const std::vector<const ckks::Ciphertext*>& ciphertexts,
                                        const ckks::Authentication& purpose);

// Throws Error{format}, also for what was made for another purpose, by another sender or with
// another key; Error{invalid} for other parameters. `place` names the file in errors.
std::vector<std::optional<ckks::Ciphertext>> parse_tensor(const ckks::Context& context,
                                                          std::span<const std::byte> bytes,
                                                          const ckks::Authentication& purpose,
                                                          const std::string& place);

// A number for the files of a request together, from their authentications: what the answer to them
// is bound to. Throws Error{format} for a file that is too short to have one.
ckks::u64 request_number(const std::vector<std::span<const std::byte>>& files);

}  // namespace pliant::einsum
