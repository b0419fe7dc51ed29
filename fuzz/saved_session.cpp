// Any saved sequence of a session: its tokens and the cache's part come back out, and together give
// the same bytes.
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/rng.h"
#include "lm/saved.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  // the checksum is made right, to be got past
  constexpr std::size_t head = 24, count_at = 12, hash_at = 16;
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  if (size >= head) {
    std::uint32_t count = 0;
    std::memcpy(&count, bytes.data() + count_at, sizeof count);
    if (count <= (size - head) / sizeof(TokenId)) {
      const std::uint64_t hash =
          hash64({reinterpret_cast<const char*>(bytes.data()) + head, count * sizeof(TokenId)});
      std::memcpy(bytes.data() + hash_at, &hash, sizeof hash);
    }
  }
  try {
    const lm::Saved saved = lm::read_saved(bytes, 1000);
    if (lm::saved_bytes(saved.tokens, saved.cache) != bytes) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
