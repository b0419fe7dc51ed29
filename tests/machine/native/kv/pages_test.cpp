// The cache's memory: taken when it is used, and used again as it was left.
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/checked.h"
#include "machine/native/kv/tiny.h"
#include "machine/native/kv/view.h"

namespace pliant::kv {
namespace {

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t whole = 0, resident = 0;
  statm >> whole >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST(KvPages, ALongContextTakesNoMemoryUntilItIsUsed) {
  const std::vector<CacheLayer> layers(8, CacheLayer{4, 128, 128});
  const CacheOptions options{.context = 1 << 14};
  const std::int64_t before = resident_bytes();
  Cache cache(layers, options);
  EXPECT_GT(cache.bytes(), std::int64_t{512} << 20);
  EXPECT_LT(resident_bytes() - before, cache.bytes() / 32);
  EXPECT_EQ(cache.touched_bytes(), 0);
  const std::int64_t page =
      PageLayout{RowCode(CacheType::f32, true, 128), RowCode(CacheType::f32, true, 128)}.bytes();
  const SeqId seq = cache.open(full());
  const SequenceRows rows{seq, 33};
  cache.reserve({&rows, 1});
  EXPECT_EQ(cache.touched_bytes(), 2 * 8 * 4 * page);
  cache.close(seq);
  const SequenceRows again{cache.open(full()), 1};
  cache.reserve({&again, 1});
  EXPECT_EQ(cache.pages_used(), 8 * 4);
  EXPECT_EQ(cache.touched_bytes(), 2 * 8 * 4 * page);  // what was given back is taken first
}

// Not-a-number in the room behind the entries of every chain, and in the entries too if they are
// left.
void poison(Cache& cache, SeqId seq, bool entries_too) {
  for (int l = 0; l < std::ssize(cache.layers()); ++l) {
    const CacheLayer& layer = cache.layers()[static_cast<std::size_t>(l)];
    for (int head = 0; head < layer.heads; ++head) {
      const std::int64_t entries = cache.entries(seq, l, head);
      for (std::int64_t i = entries_too ? 0 : entries; i < round_up(entries, page_entries); ++i) {
        const Page page = View(cache, l).page(head, seq, i / page_entries);
        const std::int64_t at = i % page_entries, key = cache.layout(l).keys.bytes(),
                           value = cache.layout(l).values.bytes();
        page.position[at] = page.tag[at] = -1;
        page.log_weight[at] = page.attention[at] = std::numeric_limits<float>::quiet_NaN();
        std::memset(page.keys + at * key, 0xff, static_cast<std::size_t>(key));
        std::memset(page.values + at * value, 0xff, static_cast<std::size_t>(value));
      }
    }
  }
}

// Every page of it has been used and left full of not-a-numbers.
Cache poisoned(Runner& runner, const CacheOptions& options) {
  Cache cache = runner.cache(options);
  for (std::int64_t i = 0; i < options.sequences; ++i)
    runner.feed(cache, cache.open(full()), text(options.context, i), 16);
  for (const SeqId each : cache.open_sequences()) {
    poison(cache, each, true);
    cache.close(each);
  }
  return cache;
}

// drops every other entry at the end of a prompt, by what it observed
class Halve : public ChainEditor {
 public:
  std::string_view name() const override { return "halve"; }
  bool observes() const override { return true; }
  void edit_chain(const Chain& chain, std::span<Fate> fates) const override {
    for (std::int64_t i = 0; chain.prompt_end() && i + 1 < chain.size(); i += 2)
      fates[chain.entry(i).attention < chain.entry(i + 1).attention ? i : i + 1].keep = false;
  }
};

void expect_no_reading_of_old_pages(std::int64_t rows) {
  const auto tokens = text(90), rest = text(20, 3);
  Runner runner({.cap = 3}, rows);
  for (const auto& [key, value] :
       {std::pair(CacheType::f32, CacheType::f32), std::pair(CacheType::f16, CacheType::bf16),
        std::pair(CacheType::int8, CacheType::int4), std::pair(CacheType::int4, CacheType::int8)})
    for (const Policy& policy : {full(), sink_window(2, 20), edited(std::make_shared<Halve>())}) {
      const CacheOptions options{.types = {key, value}, .sequences = 2, .context = 128};
      Cache fresh = runner.cache(options), used = poisoned(runner, options);
      std::vector<Outputs> got;
      for (Cache* cache : {&fresh, &used}) {
        const SeqId seq = cache->open(policy);
        Outputs all = runner.feed(*cache, seq, tokens, 7);
        cache->truncate(seq, std::max<std::int64_t>(cache->floor(seq), 83));
        if (cache == &used) poison(*cache, seq, false);
        const SeqId fork = cache->fork(seq);
        for (const SeqId id : {seq, fork})
          for (auto& row : runner.feed(*cache, id, rest, 3)) all.push_back(std::move(row));
        cache->close(fork);
        const SeqId back = cache->restore(cache->save(seq, 1), 1, policy.editor);
        for (auto& row : runner.feed(*cache, back, text(5, 8))) all.push_back(std::move(row));
        got.push_back(std::move(all));
      }
      EXPECT_TRUE(same_bits(got[0], got[1]));
      for (const auto& row : got[1])
        for (const float each : row) ASSERT_TRUE(std::isfinite(each));
    }
}

TEST(KvPages, WhatAPageHeldBeforeIsNeverRead) {
  expect_no_reading_of_old_pages(16);
  expect_no_reading_of_old_pages(40);
}

}  // namespace
}  // namespace pliant::kv
