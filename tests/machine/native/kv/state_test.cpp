#include "core/rng.h"
#include "machine/native/kv/tiny.h"

namespace pliant::kv {
namespace {

constexpr std::uint64_t model = 42;

struct Saved {
  Runner runner{{}, 16};
  std::vector<std::int64_t> tokens = text(150);
  CacheOptions options;
  Cache cache = runner.cache(options);
  Policy policy;
  SeqId seq;
  std::vector<std::byte> bytes;

  explicit Saved(Policy wanted = {}, const CacheTypes& types = {})
      : options{types, 2, 160}, policy(std::move(wanted)), seq(cache.open(policy)) {
    runner.feed(cache, seq, {tokens.begin(), tokens.begin() + 100}, 16);
    bytes = cache.save(seq, model);
  }
  Outputs rest(Cache& in, SeqId id) {
    return runner.feed(in, id, {tokens.begin() + 100, tokens.end()});
  }
};

TEST(SavedSequence, GoesOnAsIfItHadNotBeenSaved) {
  const CacheTypes mixed{CacheType::int4, CacheType::int8};
  for (const auto& [policy, types] :
       {std::pair(full(), CacheTypes{}), std::pair(sink_window(2, 30), CacheTypes{}),
        std::pair(full(), mixed), std::pair(sink_window(2, 30), mixed)}) {
    Saved saved(policy, types);
    const Outputs wanted = saved.rest(saved.cache, saved.seq);
    Cache other = saved.runner.cache(saved.options);
    other.open(full());
    const SeqId back = other.restore(saved.bytes, model);
    EXPECT_EQ(other.length(back), 100);
    EXPECT_EQ(other.save(back, model), saved.bytes);
    EXPECT_TRUE(same_bits(saved.rest(other, back), wanted));
  }
}

TEST(SavedSequence, EveryCutAndEveryChangedByteIsAFormatError) {
  Saved saved;
  for (std::size_t n = 0; n < saved.bytes.size(); n += n < 200 ? 1 : 997) {
    EXPECT_EQ(
        thrown_by([&] { saved.cache.restore(std::span(saved.bytes).first(n), model); }).kind(),
        ErrorKind::format);
    std::vector<std::byte> changed = saved.bytes;
    changed[n] ^= std::byte{0x10};
    EXPECT_EQ(thrown_by([&] { saved.cache.restore(changed, model); }).kind(), ErrorKind::format);
  }
  EXPECT_EQ(saved.cache.pages_used(), [&] {
    Cache fresh = saved.runner.cache(saved.options);
    fresh.restore(saved.bytes, model);
    return fresh.pages_used();
  }());
}

// Bytes at an offset replaced, the checksum made right again.
std::vector<std::byte> forged(std::vector<std::byte> bytes, std::size_t at,
                              std::vector<std::uint8_t> with) {
  for (std::size_t i = 0; i < with.size(); ++i) bytes[at + i] = std::byte{with[i]};
  const std::size_t payload = bytes.size() - 8;
  const std::uint64_t hash = hash64({reinterpret_cast<const char*>(bytes.data()), payload});
  std::memcpy(bytes.data() + payload, &hash, sizeof hash);
  return bytes;
}

TEST(SavedSequence, LiesAreFoundBehindARightChecksum) {
  Saved saved;
  const auto kind = [&](std::size_t at, std::vector<std::uint8_t> with) {
    const std::int64_t used = saved.cache.pages_used();
    const Error error =
        thrown_by([&] { saved.cache.restore(forged(saved.bytes, at, std::move(with)), model); });
    EXPECT_EQ(saved.cache.pages_used(), used);
    return error.kind();
  };
  // magic 8, version 4, model 8, type 4, layers 4, two layers of 12, length, floor, sinks, window 8
  // each, prompt 8, editor 4
  EXPECT_EQ(kind(8, {9}), ErrorKind::format);          // version
  EXPECT_EQ(kind(12, {1}), ErrorKind::invalid);        // model
  EXPECT_EQ(kind(20, {2}), ErrorKind::invalid);        // element type
  EXPECT_EQ(kind(24, {9}), ErrorKind::invalid);        // layers
  EXPECT_EQ(kind(28, {7}), ErrorKind::invalid);        // heads
  EXPECT_EQ(kind(52, {10}), ErrorKind::format);        // length below the entries
  EXPECT_EQ(kind(52, {161, 0}), ErrorKind::capacity);  // length beyond the context
  EXPECT_EQ(kind(59, {0x80}), ErrorKind::format);      // negative length
  EXPECT_EQ(kind(60, {101}), ErrorKind::format);       // floor above length
  EXPECT_EQ(kind(84, {101}), ErrorKind::format);       // a prompt beyond the length
  EXPECT_EQ(kind(84, {1}), ErrorKind::format);         // the end of a prompt, and no policy
  EXPECT_EQ(kind(92, {200, 255, 255, 255}), ErrorKind::format);  // editor name beyond the end
  EXPECT_EQ(kind(96, {255, 255, 255, 255}), ErrorKind::format);  // entries
  // one entry fewer: the rest is out of step
  EXPECT_EQ(kind(96, {99}), ErrorKind::format);
  // first position: the second comes before it
  EXPECT_EQ(kind(100, {5}), ErrorKind::format);
  EXPECT_EQ(kind(100, {255, 255, 255, 255}), ErrorKind::format);  // negative position
  EXPECT_EQ(kind(108, {0, 0, 0x82, 0x42}), ErrorKind::format);    // a log weight of 65
  EXPECT_EQ(kind(108, {0, 0, 0x80, 0x7f}), ErrorKind::format);    // infinite log weight
}

TEST(SavedSequence, AnotherCacheOrNoRoomIsRefused) {
  Saved saved;
  Cache half = saved.runner.cache({.types = {CacheType::f16, CacheType::f16}, .context = 160});
  EXPECT_EQ(thrown_by([&] { half.restore(saved.bytes, model); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { saved.cache.restore(saved.bytes, model + 1); }).kind(),
            ErrorKind::invalid);
  Cache small = saved.runner.cache({.context = 64});
  EXPECT_EQ(thrown_by([&] { small.restore(saved.bytes, model); }).kind(), ErrorKind::capacity);
  EXPECT_EQ(small.pages_used(), 0);
  saved.cache.open(full());
  EXPECT_EQ(thrown_by([&] { saved.cache.restore(saved.bytes, model); }).kind(),
            ErrorKind::capacity);
}

}  // namespace
}  // namespace pliant::kv
