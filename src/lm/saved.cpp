#include "lm/saved.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/rng.h"

namespace pliant::lm {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "PLIANTSQ";

struct Head {
  char magic[8];
  std::uint32_t version = 1, tokens = 0;
  std::uint64_t hash = 0;  // of the tokens
};

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void fail(const std::string& problem) {
  throw Error(ErrorKind::format, "saved sequence", problem);
}

}  // namespace

std::vector<std::byte> saved_bytes(std::span<const TokenId> tokens,
                                   std::span<const std::byte> cache) {
  Head head;
  std::memcpy(head.magic, magic.data(), sizeof head.magic);
  head.tokens = static_cast<std::uint32_t>(tokens.size());
  head.hash = hash64(text(std::as_bytes(tokens)));
  std::vector<std::byte> result(sizeof head);
  std::memcpy(result.data(), &head, sizeof head);
  const auto bytes = std::as_bytes(tokens);
  result.insert(result.end(), bytes.begin(), bytes.end());
  result.insert(result.end(), cache.begin(), cache.end());
  return result;
}

Saved read_saved(std::span<const std::byte> bytes, std::int64_t vocabulary) {
  Head head;
  if (bytes.size() < sizeof head)
    fail(fmt::format("{} bytes, at least {} expected", bytes.size(), sizeof head));
  std::memcpy(&head, bytes.data(), sizeof head);
  if (std::string_view(head.magic, sizeof head.magic) != magic) fail("not a saved sequence");
  if (head.version != 1) fail(fmt::format("version {}, 1 expected", head.version));
  const auto rest = bytes.subspan(sizeof head);
  if (head.tokens > rest.size() / sizeof(TokenId))
    fail(fmt::format("{} tokens in {} bytes", head.tokens, rest.size()));
  const auto ids = rest.first(head.tokens * sizeof(TokenId));
  if (hash64(text(ids)) != head.hash)
    fail("the checksum of its tokens is wrong: bytes were changed or lost");
  Saved saved{std::vector<TokenId>(head.tokens), rest.subspan(ids.size())};
  if (!ids.empty()) std::memcpy(saved.tokens.data(), ids.data(), ids.size());
  for (const TokenId id : saved.tokens)
    if (id < 0 || id >= vocabulary)
      fail(fmt::format("token {} is outside the vocabulary, [0, {})", id, vocabulary));
  return saved;
}

}  // namespace pliant::lm
