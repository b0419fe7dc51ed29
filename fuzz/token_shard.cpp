// Any bytes as a token shard: what is read is written again to the same bytes.
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/error.h"
#include "core/rng.h"
#include "data/shards/shard.h"

namespace {

// The checksums are made right, to be got past: of the tail, and of one block at most.
void mend(std::string& bytes) {
  constexpr std::size_t head = 16, tail = 48, word = 8;
  if (bytes.size() < head + tail) return;
  const auto number = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  const std::size_t end = bytes.size() - tail, room = end - head;
  const std::uint64_t width = number(end), documents = number(end + 24), tokens = number(end + 32);
  if ((width != 2 && width != 4) || tokens > room / width || documents > room / (3 * word)) return;
  const std::size_t size = tokens * width, table = head + (size + word - 1) / word * word,
                    hashes = table + documents * 3 * word;
  if (hashes > end) return;
  if (end - hashes == word) {
    const std::uint64_t hash = pliant::hash64({bytes.data() + head, size});
    std::memcpy(bytes.data() + hashes, &hash, sizeof hash);
  }
  std::uint64_t sum = pliant::hash64({bytes.data(), head});
  const std::size_t bounds[] = {head + size, table, hashes, end, bytes.size() - word};
  for (int i = 0; i < 4; ++i)
    sum = pliant::hash64({bytes.data() + bounds[i], bounds[i + 1] - bounds[i]}, sum);
  std::memcpy(bytes.data() + bounds[4], &sum, sizeof sum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  mend(bytes);
  try {
    const data::Shard shard(std::as_bytes(std::span(bytes)), "fuzz");
    shard.verify();
    std::ostringstream out;
    data::ShardWriter writer(out, shard.identity());
    for (std::int64_t i = 0; i < shard.documents(); ++i) {
      const data::DocumentEntry entry = shard.document(i);
      std::vector<std::int32_t> ids(entry.tokens());
      shard.read(entry.begin, ids);
      writer.add(ids, entry.text_bytes, entry.text_hash);
    }
    writer.finish();
    if (out.str() != bytes) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
