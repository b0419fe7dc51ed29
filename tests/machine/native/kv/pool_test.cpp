// A cache with fewer pages than all contexts would take.
#include "machine/native/kv/policies/compression.h"
#include "machine/native/kv/tiny.h"

namespace pliant::kv {
namespace {

// Of so many pages; three chains a sequence.
CacheOptions pool(const Runner& runner, std::int64_t sequences, std::int64_t pages) {
  const CacheOptions one{.context = page_entries};
  const std::int64_t page = Chains(runner.cache(one).layers(), one).page_bytes();
  return {.sequences = sequences, .context = 256, .pool_bytes = pages * page};
}

TEST(Pool, RefusesWhatFindsNoPageAndChangesNothing) {
  Runner runner({}, 32);
  Cache cache = runner.cache(pool(runner, 2, 9));
  const SeqId a = cache.open(full()), b = cache.open(full());
  EXPECT_EQ(cache.room(a), 96);
  const Outputs first = runner.feed(cache, a, text(60), 32);
  EXPECT_EQ(cache.room(a), 36);
  EXPECT_EQ(cache.room(b), 32);
  cache.admit(b, 32, 32);
  const Error error = thrown_by([&] { cache.admit(b, 33, 32); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_NE(error.problem().find("33 more tokens take"), std::string::npos);
  const SequenceRows both[]{{a, 5}, {b, 1}};  // each would fit
  EXPECT_EQ(thrown_by([&] { cache.reserve(both); }).kind(), ErrorKind::capacity);
  cache.check();
  EXPECT_EQ(cache.pages_used(), 6);
  cache.close(a);
  EXPECT_TRUE(same_bits(runner.feed(cache, b, text(60), 32), first));
}

TEST(Pool, CopiesOfSharedPagesAreCounted) {
  Runner runner({}, 32);
  Cache cache = runner.cache(pool(runner, 3, 5));
  const SeqId a = cache.open(full());
  runner.feed(cache, a, text(20), 32);
  const SeqId b = cache.fork(a);
  const SequenceRows rows{b, 1};  // three copies, two pages are free
  EXPECT_EQ(thrown_by([&] { cache.reserve({&rows, 1}); }).kind(), ErrorKind::capacity);
  EXPECT_EQ(cache.room(b), 0);
  cache.close(a);
  runner.step(cache, {{b, {4}}});
  cache.check();
}

TEST(Pool, CompressedSequencesFitWhereFullOnesDoNot) {
  Runner runner({}, 128);
  Cache cache = runner.cache(pool(runner, 4, 3 * 4 + 3 * 3));
  for (int i = 0; i < 4; ++i)  // each takes four pages a chain, and leaves one
    runner.feed(cache, cache.open(elastic(0.2)), text(128, i), 128);
  EXPECT_EQ(cache.pages_used(), 12);
  cache.check();
  Cache plain = runner.cache(pool(runner, 4, 3 * 4 + 3 * 3));
  runner.feed(plain, plain.open(full()), text(128), 128);
  const SeqId second = plain.open(full());
  EXPECT_EQ(thrown_by([&] { plain.admit(second, 128, 128); }).kind(), ErrorKind::capacity);
}

TEST(Pool, RestoresWhatFindsPages) {
  Runner runner({}, 32);
  Cache cache = runner.cache(pool(runner, 2, 9));
  const SeqId a = cache.open(full());
  runner.feed(cache, a, text(60), 32);
  const auto state = cache.save(a, 1);
  EXPECT_EQ(thrown_by([&] { cache.restore(state, 1); }).kind(), ErrorKind::capacity);
  EXPECT_EQ(cache.pages_used(), 6);
  cache.close(a);
  EXPECT_EQ(cache.length(cache.restore(state, 1)), 60);
}

TEST(Pool, OfLessThanAPageForEachChainIsRefused) {
  Runner runner({}, 32);
  EXPECT_EQ(thrown_by([&] { runner.cache(pool(runner, 1, 2)); }).kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace pliant::kv
