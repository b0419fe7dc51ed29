#include "data/tokenizer/identity.h"

#include "core/rng.h"

namespace pliant::data {
namespace {

// Splitting, merging, normal forms and bytes all show here.
constexpr std::string_view probe =
    "The quick brown fox, isn't it? It's 12345 and 6.78e-9!\n\n\tif (x<=0) { return \"a_b\"; }   "
    "//  "
    "caf\xC3\xA9 cafe\xCC\x81 \xEF\xBC\xA1 na\xC3\xAFve \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E "
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xF0\x9F\x98\x80\r\nwe'LL SHOUT  \x01 "
    "supercalifragilistic 2024-01-02 https://example.org/?q=1&r=2 ";

}  // namespace

TokenizerIdentity identify(const Tokenizer& tokenizer) {
  std::uint64_t hash = hash64(probe, tokenizer.size());
  for (TokenId id = 0; id < tokenizer.size(); ++id)
    hash = hash64(tokenizer.piece(id), hash ^ static_cast<std::uint64_t>(tokenizer.kind(id)));
  std::vector<TokenId> ids =
      tokenizer.encode(probe, {.add_special = false, .parse_special = false});
  const SpecialTokens& special = tokenizer.special();
  ids.insert(ids.end(), {special.bos, special.eos});
  return {hash64({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId)}, hash),
          tokenizer.size()};
}

}  // namespace pliant::data
