// Any saved sequence: one that is restored is saved again to the same bytes, or, if it is of an
// older version, to those of this one. The checksum is made right first, so that what lies behind
// it is tried too.
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/rng.h"
#include "machine/native/kv/cache.h"

namespace {

using State = std::vector<std::byte>;

State restored_and_saved(pliant::kv::Cache& cache, const State& state) {
  const pliant::kv::SeqId sequence = cache.restore(state, 1);
  State saved = cache.save(sequence, 1);
  cache.truncate(sequence, 0);
  cache.close(sequence);
  return saved;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  State state(size);
  if (size > 0) std::memcpy(state.data(), data, size);
  if (size >= sizeof(std::uint64_t)) {
    const std::size_t payload = size - sizeof(std::uint64_t);
    const std::uint64_t hash = hash64({reinterpret_cast<const char*>(state.data()), payload});
    std::memcpy(state.data() + payload, &hash, sizeof hash);
  }
  kv::Cache cache({{2, 3, 2}, {1, 3, 2}}, {.context = 64});
  try {
    const State saved = restored_and_saved(cache, state);
    constexpr std::size_t version = 8;  // where it stands
    if (saved[version] == state[version] && saved != state) std::abort();
    if (restored_and_saved(cache, saved) != saved) std::abort();
  } catch (const Error&) {
  }
  if (cache.pages_used() != 0) std::abort();
  return 0;
}
