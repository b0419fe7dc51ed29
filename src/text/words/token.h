// What a vocabulary's entries are called and what they may be.
#pragma once

#include <cstdint>

namespace pliant {

using TokenId = std::int32_t;  // index into the vocabulary

enum class TokenKind : std::uint8_t { normal, unknown, control, user_defined, unused, byte };

}  // namespace pliant
